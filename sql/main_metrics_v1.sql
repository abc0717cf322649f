-- main_metrics: the one metric that stands for each kind in a run
-- row: a kind that a run has a metric of
-- formula: the metric with the lowest kind_rank in series
-- note: in a shared run, among those that the side in question writes, or that nobody is known to write: the orchestrator reward, response_length and truncation, the trainer loss, entropy, kl, grad_norm and lr, either throughput and step_time
-- note: reward components stand for themselves: a run has no main one
-- note: counts of tokens (kinds total_tokens and step_tokens of series) are an axis, not a quantity
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column kind VARCHAR: reward, loss, entropy, kl, grad_norm, lr, response_length, truncation, throughput or step_time
-- column metric VARCHAR: the key as logged
-- column samples BIGINT: finite values
-- column nonfinite BIGINT: values that are NaN or Infinity
-- column first_step BIGINT: first step at which it was logged
-- column last_step BIGINT: last step at which it was logged
-- column axis VARCHAR: the key that counts its steps, where they are not the run's own; else NULL
-- column sign BIGINT: -1 where what is logged is the negative of the kind, as SB3 logs its entropy; views that give a kind's values multiply by it
WITH sided AS (
    SELECT
        run_id,
        role,
        kind,
        kind_rank,
        metric,
        writer,
        samples,
        nonfinite,
        first_step,
        last_step,
        axis,
        sign,
        CASE
            WHEN kind IN ('reward', 'response_length', 'truncation') THEN 'orchestrator'
            WHEN kind IN ('loss', 'entropy', 'kl', 'grad_norm', 'lr') THEN 'trainer'
        END AS side
    FROM series_v1
    WHERE
        kind IS NOT NULL
        AND kind NOT IN ('reward_component', 'total_tokens', 'step_tokens')
        AND kind_rank IS NOT NULL
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY run_id, role, kind ORDER BY kind_rank ASC, metric ASC
        ) AS choice
    FROM sided
    WHERE role <> 'shared' OR writer IS NULL OR side IS NULL OR writer = side
)
SELECT run_id, role, kind, metric, samples, nonfinite, first_step, last_step, axis, sign
FROM ranked
WHERE choice = 1
