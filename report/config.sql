-- All settings of the runs.
SELECT run_id, key, text AS setting
FROM config
WHERE run_id IN ({runs})
ORDER BY run_id, key
