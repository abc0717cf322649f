-- timed_metrics: the numbers that were logged without a training step, by time
-- row: a metric in a log row of a run that has no step
-- note: samples of inference servers, say; what has a step is in metrics, and history has both
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column timestamp DOUBLE: when it was logged (s since 1970, UTC)
-- column runtime DOUBLE: time since the run's start (s)
-- column value DOUBLE: the number; NaN and infinities as logged
-- column log_row BIGINT: the log row, _row of history
SELECT run_id, role, metric, timestamp, runtime, value, log_row
FROM stored_timed
