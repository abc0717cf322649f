-- constant: a metric that matters never changed
-- parameter least_samples 10: values that it takes to call it constant
-- says: {metric} is {value} at all {samples} steps
-- evidence: SELECT value, count(*) AS steps FROM metrics WHERE run_id = {run_id} AND metric = {metric} GROUP BY value
SELECT run_id, 'warning' AS severity, metric, kind, samples, min AS value
FROM metric_health_v1
WHERE
    constant AND NOT dead AND samples >= $least_samples
    AND kind IN ('reward', 'reward_component', 'loss', 'entropy', 'kl', 'grad_norm')
