-- constant: a metric that matters never changed
-- parameter least_samples 10: values that it takes to call it constant
-- says: {metric} is {value} at all {words}
-- evidence: SELECT value, count(*) AS steps FROM metrics WHERE run_id = {run_id} AND metric = {metric} AND ord IS NOT NULL GROUP BY value
SELECT
    run_id,
    'warning' AS severity,
    metric,
    kind,
    samples,
    nonfinite,
    min AS value,
    CASE
        WHEN nonfinite = 0 THEN samples || ' steps'
        ELSE 'its ' || samples || ' finite values (' || nonfinite || ' are NaN or infinite)'
    END AS words
FROM metric_health_v1
WHERE
    constant AND NOT dead AND samples >= $least_samples
    AND kind IN ('reward', 'reward_component', 'loss', 'entropy', 'kl', 'grad_norm')
