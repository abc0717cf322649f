-- required_nonzero: a metric that must not be 0 always is, or no run logs it
-- note: only asked for metrics that are required; * and ? stand for any characters, as in a shell
-- parameter required *: the metric
-- says: {metric} is required and has no value but 0 at {samples} steps
-- evidence: SELECT step, value FROM metrics WHERE run_id = {run_id} AND metric = {metric} AND value <> 0
SELECT
    s.run_id,
    CASE WHEN t.min <> 0 OR t.max <> 0 THEN NULL ELSE 'error' END AS severity,
    s.metric,
    s.samples
FROM series_v1 AS s
LEFT JOIN metric_stats_v1 AS t
    ON t.run_id = s.run_id AND t.role = s.role AND t.metric = s.metric
WHERE s.metric GLOB $required
