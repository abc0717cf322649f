-- training_metrics: which metrics does a training have, taken over its two runs?
-- row: a metric of a run
-- formula: the runs of each training (trainings) with their metrics (series); quantity is the kind where the metric is the run's main one of it (main_metrics) and, in a pair, the side in question logs it: the orchestrator reward, response_length and truncation, the trainer loss, entropy, kl, grad_norm and lr, each its own throughput and step_time
-- column training VARCHAR: the training's name, from trainings
-- column run_id VARCHAR: the run that logs the metric
-- column role VARCHAR: its role
-- column side VARCHAR: who logs it: orchestrator, trainer, or both where one run holds both and nothing tells
-- column metric VARCHAR: the key as logged
-- column quantity VARCHAR: the kind that the metric stands for in the training; NULL for any other metric
-- column kind VARCHAR: what the metric is, from series; NULL for most
-- column kind_rank BIGINT: 1 is the run's main metric of that kind
-- column samples BIGINT: finite values
-- column nonfinite BIGINT: values that are NaN or Infinity
-- column first_step BIGINT: first step at which it was logged
-- column last_step BIGINT: last step at which it was logged
-- column sign BIGINT: -1 where what is logged is the negative of its kind, from series
-- column better VARCHAR: high or low: which way is good, from metric_directions; NULL where neither is known to be
WITH sided AS (
    SELECT
        run_id,
        role,
        kind,
        metric,
        CASE
            WHEN kind IN ('reward', 'response_length', 'truncation') THEN 'orchestrator'
            WHEN kind IN ('loss', 'entropy', 'kl', 'grad_norm', 'lr') THEN 'trainer'
        END AS side
    FROM main_metrics_v1
)
SELECT
    t.training,
    t.run_id,
    t.role,
    CASE WHEN t.side = 'both' THEN coalesce(s.writer, 'both') ELSE t.side END AS side,
    s.metric,
    m.kind AS quantity,
    s.kind,
    s.kind_rank,
    s.samples,
    s.nonfinite,
    s.first_step,
    s.last_step,
    s.sign,
    d.better
FROM trainings_v1 AS t
INNER JOIN series_v1 AS s ON s.run_id = t.run_id AND s.role = t.role
LEFT JOIN sided AS m
    ON m.run_id = s.run_id AND m.role = s.role AND m.metric = s.metric
    AND (t.runs = 1 OR m.side IS NULL OR m.side = t.side)
LEFT JOIN metric_directions_v1 AS d
    ON d.run_id = s.run_id AND d.role = s.role AND d.metric = s.metric
WHERE s.samples + s.nonfinite > 0
