-- nonfinite_others: what else has values that are NaN or Infinity, in one line
-- note: prime-rl logs NaN for a batch that has nothing to average, masked tokens for example
-- says: {metrics} other metrics are NaN or Infinity at some steps, {nonfinite} values in all: {names}
-- evidence: SELECT metric, nonfinite, samples FROM metric_health WHERE run_id = {run_id} AND nonfinite > 0 AND kind IS NULL ORDER BY metric
SELECT
    run_id,
    'info' AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    count(*) AS metrics,
    CAST(sum(nonfinite) AS BIGINT) AS nonfinite,
    string_agg(metric, ', ' ORDER BY metric) AS names
FROM metric_health_v1
WHERE nonfinite > 0 AND kind IS NULL
GROUP BY run_id
