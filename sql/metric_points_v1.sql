-- metric_points: the values of each metric with their place in steps and in time
-- row: a metric of a run at a step
-- formula: metrics, with the time of the same step from steps
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column step BIGINT: the training step
-- column runtime DOUBLE: time since the run's start when the step was logged (s); NULL where the source does not say
-- column value DOUBLE: the value as logged; NaN and Infinity stay what they are
SELECT
    m.run_id,
    m.role,
    m.metric,
    m.step,
    s.runtime,
    m.value
FROM metrics_v1 AS m
LEFT JOIN steps_v1 AS s ON s.run_id = m.run_id AND s.role = m.role AND s.step = m.step
