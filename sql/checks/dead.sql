-- dead: a metric that matters was always 0
-- parameter least_samples 10: values that it takes to call it dead
-- says: {metric} is 0 at all {words}
-- evidence: SELECT step, value FROM metrics WHERE run_id = {run_id} AND metric = {metric} AND ord IS NOT NULL AND value <> 0
SELECT
    run_id,
    'warning' AS severity,
    metric,
    kind,
    samples,
    nonfinite,
    CASE
        WHEN nonfinite = 0 THEN samples || ' steps'
        ELSE 'its ' || samples || ' finite values (' || nonfinite || ' are NaN or infinite)'
    END AS words
FROM metric_health_v1
WHERE dead AND samples >= $least_samples AND kind IS NOT NULL AND kind <> 'truncation'
