-- gaps: metrics that miss values at steps where their own stride promises one
-- parameter least_share 0.0: share of a metric's values above which its missing ones count
-- says: {metrics} metrics miss values that their stride promises, {missing} in all: {names}
-- evidence: SELECT metric, gaps, stride, samples FROM metric_health WHERE run_id = {run_id} AND gaps > 0 AND regular ORDER BY gaps DESC
SELECT
    run_id,
    'info' AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    count(*) AS metrics,
    CAST(sum(gaps) AS BIGINT) AS missing,
    string_agg(metric, ', ' ORDER BY metric) AS names
FROM metric_health_v1
WHERE gaps > $least_share * (samples + nonfinite) AND gaps > 0 AND regular
GROUP BY run_id
