-- config: the settings that a run was started with
-- row: a key of a run
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column key VARCHAR: the key; nested keys are joined by dots
-- column value DOUBLE: the number; NULL for anything else
-- column text VARCHAR: a string as it is, anything else as JSON
-- column type VARCHAR: number, integer, string, bool, null, list or dict
-- column path VARCHAR: the key as a path (JSON list), which tells a nested key from one with a dot
SELECT run_id, role, key, value, text, type, path
FROM stored_config
