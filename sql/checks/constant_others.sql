-- constant_others: what else never changed, in one line
-- parameter least_samples 10: values that it takes to call a metric constant
-- says: {metrics} other metrics never change: {names}
-- evidence: SELECT metric, min AS value, samples FROM metric_health WHERE run_id = {run_id} AND constant AND (kind IS NULL OR kind IN ('lr', 'response_length', 'truncation', 'throughput', 'step_time')) ORDER BY metric
SELECT
    run_id,
    'info' AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    count(*) AS metrics,
    string_agg(metric, ', ' ORDER BY metric) AS names
FROM metric_health_v1
WHERE
    constant AND samples >= $least_samples
    AND (
        kind IS NULL
        OR kind IN ('lr', 'response_length', 'truncation', 'throughput', 'step_time')
        AND (NOT dead OR kind = 'truncation')
    )
GROUP BY run_id
