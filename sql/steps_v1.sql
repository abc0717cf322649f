-- steps: when each training step was logged
-- row: a step of a run
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column step BIGINT: the training step
-- column timestamp DOUBLE: when its last row was logged (s since 1970, UTC)
-- column runtime DOUBLE: time from the run's start to its last row (s)
-- column log_rows BIGINT: log rows of that step
-- column first_timestamp DOUBLE: when its first row was logged (s since 1970, UTC); NULL where an earlier version stored the run, until it is ingested again or rebuilt
SELECT run_id, role, step, timestamp, runtime, log_rows, first_timestamp
FROM stored_steps
