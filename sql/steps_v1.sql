-- steps: when each training step was logged
-- row: a step of a run
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column step BIGINT: the training step
-- column timestamp DOUBLE: when it was logged (s since 1970, UTC)
-- column runtime DOUBLE: time since the run's start (s)
-- column log_rows BIGINT: log rows of that step
SELECT run_id, role, step, timestamp, runtime, log_rows
FROM stored_steps
