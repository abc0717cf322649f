-- metrics: every number logged, long: by run, metric and step
-- row: a numeric metric of a run at a step
-- formula: several log rows of one step collapse to the metric's last value; W&B's own _ keys and the step key are no metrics
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column step BIGINT: the training step
-- column ord BIGINT: position among the metric's finite values in step order, from 0; NULL for NaN and Infinity
-- column value DOUBLE: the value as logged
SELECT run_id, role, metric, step, ord, value
FROM stored_metrics
