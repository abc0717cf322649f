-- stopped: the run's main metric of a kind ends long before the run does
-- parameter least_steps 10: steps of the run after its last value
-- parameter least_strides 5: the same in strides of the metric
-- says: {metric} ends at step {last_step}; {unlogged_after} steps of the run come after
-- evidence: SELECT step, value FROM metrics WHERE run_id = {run_id} AND metric = {metric} ORDER BY step DESC LIMIT 5
SELECT h.run_id, 'warning' AS severity, h.metric, h.last_step, h.unlogged_after, h.stride
FROM metric_health_v1 AS h
INNER JOIN series_v1 AS s
    ON s.run_id = h.run_id AND s.role = h.role AND s.metric = h.metric AND s.kind_rank = 1
WHERE
    h.unlogged_after >= $least_steps
    AND h.unlogged_after >= $least_strides * coalesce(h.stride, 1)
