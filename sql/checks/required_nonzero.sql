-- required_nonzero: a metric that must not be 0 always is, or it is not logged
-- note: only asked for metrics that are required; * and ? stand for any characters, and nothing else does; a metric of just that name goes before all that are like it
-- note: a run and its partner are one training: it is enough that one of the two logs the metric, and that it is not 0 in one of them
-- parameter required *: the metric
-- says: {metric} is required and has {words}
-- evidence: SELECT step, value FROM metrics WHERE run_id = {run_id} AND metric = {metric} AND ord IS NOT NULL AND value <> 0
WITH alike AS (
    SELECT
        t.training,
        s.run_id,
        s.metric,
        s.samples,
        s.nonfinite,
        s.metric = $required AS same,
        coalesce(m.min <> 0 OR m.max <> 0, FALSE) AS moves
    FROM trainings_v1 AS t
    INNER JOIN series_v1 AS s ON s.run_id = t.run_id AND s.role = t.role
    LEFT JOIN metric_stats_v1 AS m
        ON m.run_id = s.run_id AND m.role = s.role AND m.metric = s.metric
    WHERE s.metric = $required OR s.metric LIKE $like ESCAPE '!'
),
of_trainings AS (
    SELECT
        *,
        bool_or(same) OVER (PARTITION BY training) AS named,
        bool_or(moves) OVER (PARTITION BY training, metric) AS moves_somewhere
    FROM alike
)
SELECT
    run_id,
    CASE WHEN NOT moves_somewhere THEN 'error' END AS severity,
    metric,
    training,
    samples,
    nonfinite,
    CASE
        WHEN samples = 0 THEN 'no finite value in ' || nonfinite || ' steps'
        WHEN nonfinite = 0 THEN 'no value but 0 at ' || samples || ' steps'
        ELSE 'no value but 0 at its ' || samples || ' finite values (' || nonfinite
            || ' are NaN or infinite)'
    END AS words
FROM of_trainings
WHERE same OR NOT named
