-- nonfinite: values that are NaN or Infinity; an error in a reward, loss or gradient norm
-- parameter error_share 0.0: share of a reward's, loss's or gradient norm's values above which it is an error
-- says: {metric} is NaN or Infinity at {nonfinite} of {logged} steps, first at step {first_step}
-- evidence: SELECT step, value FROM metrics WHERE run_id = {run_id} AND metric = {metric} AND ord IS NULL ORDER BY step
SELECT
    h.run_id,
    CASE
        WHEN
            h.kind IN ('reward', 'loss', 'grad_norm')
            AND h.nonfinite > $error_share * (h.samples + h.nonfinite)
            THEN 'error'
        ELSE 'warning'
    END AS severity,
    h.metric,
    h.nonfinite,
    h.samples + h.nonfinite AS logged,
    m.first_step
FROM metric_health_v1 AS h
INNER JOIN (
    SELECT run_id, role, metric, min(step) AS first_step
    FROM metrics_v1
    WHERE ord IS NULL
    GROUP BY run_id, role, metric
) AS m ON m.run_id = h.run_id AND m.role = h.role AND m.metric = h.metric
WHERE h.nonfinite > 0 AND h.kind IS NOT NULL
