-- reward_loss_correlation: does the reward move with the loss, entropy, KL, gradient and response length, and does it still after the common trend is taken out?
-- row: a pair, a lag from -5 to 5, and a metric
-- formula: Pearson's r over the steps s at which the reward has a value and the metric has one at s + lag; then r of the changes between one such step and the next
-- note: lag 0 is the update made from the reward's own batch; lag 1 asks about the step after it
-- note: two series that only share a trend correlate in their levels and not in their changes: believe pearson_diff before pearson
-- note: in a sampled run the next step is the next one stored, so that a change may span several steps
-- note: parameters: at least 3 values (or changes) on both sides; NULL with fewer, and where a side does not vary
-- note: each metric is the run's main one of its kind (main_metrics)
-- column orchestrator_run_id VARCHAR: the orchestrator's run
-- column trainer_run_id VARCHAR: the trainer's run
-- column lag BIGINT: the metric's step - the reward's step
-- column metric VARCHAR: the key as logged
-- column n BIGINT: steps at which both have a finite value
-- column pearson DOUBLE: correlation of the levels
-- column pearson_diff DOUBLE: correlation of the first differences
-- column n_diff BIGINT: first differences
-- column kind VARCHAR: what the metric is: loss, entropy, kl, grad_norm (from the trainer), response_length or truncation (from the orchestrator)
-- column reward_metric VARCHAR: the reward's key
WITH parameters AS (
    SELECT
        3 AS least_values,
        -- Changes that are this small beside the level are rounding, not change.
        1e-12 AS rounding
),
lags AS (
    SELECT -5 AS lag
    UNION ALL
    SELECT -4
    UNION ALL
    SELECT -3
    UNION ALL
    SELECT -2
    UNION ALL
    SELECT -1
    UNION ALL
    SELECT 0
    UNION ALL
    SELECT 1
    UNION ALL
    SELECT 2
    UNION ALL
    SELECT 3
    UNION ALL
    SELECT 4
    UNION ALL
    SELECT 5
),
pairs AS (
    SELECT orchestrator_run_id, orchestrator_role, trainer_run_id, trainer_role
    FROM run_pairs_v1
),
wanted AS (
    SELECT p.orchestrator_run_id, p.trainer_run_id, c.run_id, c.role, c.kind, c.metric,
        c.sign
    FROM pairs AS p
    INNER JOIN main_metrics_v1 AS c
        ON c.run_id = p.orchestrator_run_id AND c.role = p.orchestrator_role
    WHERE c.kind IN ('reward', 'response_length', 'truncation') AND c.axis IS NULL
    UNION ALL
    SELECT p.orchestrator_run_id, p.trainer_run_id, c.run_id, c.role, c.kind, c.metric,
        c.sign
    FROM pairs AS p
    INNER JOIN main_metrics_v1 AS c
        ON c.run_id = p.trainer_run_id AND c.role = p.trainer_role
    WHERE c.kind IN ('loss', 'entropy', 'kl', 'grad_norm') AND c.axis IS NULL
),
numbers AS (
    SELECT
        w.orchestrator_run_id, w.trainer_run_id, w.kind, w.metric, m.step,
        m.value * w.sign AS value
    FROM wanted AS w
    INNER JOIN metrics_v1 AS m
        ON m.run_id = w.run_id AND m.role = w.role AND m.metric = w.metric
    WHERE m.ord IS NOT NULL
),
-- Correlation does not depend on scale: each series is measured from its median, in units of its
-- largest distance from it, so that no square leaves DOUBLE's range. First in units of 2^600 where
-- values exceed 1e100, as in metric_frames.
ranges AS (
    SELECT
        orchestrator_run_id,
        trainer_run_id,
        kind,
        min(value) AS low,
        max(value) AS high,
        median(CASE WHEN abs(value) <= 1e100 THEN value END) AS middle,
        median(value / 4.149515568880993e180) AS huge_middle
    FROM numbers
    GROUP BY orchestrator_run_id, trainer_run_id, kind
),
units AS (
    SELECT
        orchestrator_run_id,
        trainer_run_id,
        kind,
        low,
        high,
        CASE
            WHEN greatest(abs(low), abs(high)) <= 1e100 THEN 1e0
            ELSE 4.149515568880993e180
        END AS unit,
        CASE WHEN greatest(abs(low), abs(high)) <= 1e100 THEN middle ELSE huge_middle END AS centre
    FROM ranges
),
scaled AS (
    SELECT
        n.orchestrator_run_id,
        n.trainer_run_id,
        n.kind,
        n.metric,
        n.step,
        coalesce((n.value / NULLIF(u.unit, 0) - u.centre) / NULLIF(greatest(
            u.high / NULLIF(u.unit, 0) - u.centre, u.centre - u.low / NULLIF(u.unit, 0)
        ), 0), 0e0) AS value
    FROM numbers AS n
    INNER JOIN units AS u
        ON u.orchestrator_run_id = n.orchestrator_run_id
        AND u.trainer_run_id = n.trainer_run_id
        AND u.kind = n.kind
),
rewards AS (
    SELECT
        r.orchestrator_run_id,
        r.trainer_run_id,
        r.metric AS reward_metric,
        r.step,
        r.value AS reward,
        l.lag,
        r.step + l.lag AS metric_step
    FROM scaled AS r
    CROSS JOIN lags AS l
    WHERE r.kind = 'reward'
),
joined AS (
    SELECT
        r.orchestrator_run_id,
        r.trainer_run_id,
        r.lag,
        r.reward_metric,
        m.kind,
        m.metric,
        r.reward,
        m.value,
        r.reward - lag(r.reward) OVER along AS reward_change,
        m.value - lag(m.value) OVER along AS value_change
    FROM rewards AS r
    INNER JOIN scaled AS m
        ON m.orchestrator_run_id = r.orchestrator_run_id
        AND m.trainer_run_id = r.trainer_run_id
        AND m.step = r.metric_step
    WHERE m.kind <> 'reward'
    WINDOW along AS (
        PARTITION BY r.orchestrator_run_id, r.trainer_run_id, m.kind, r.lag ORDER BY r.step
    )
),
correlated AS (
    SELECT
        orchestrator_run_id,
        trainer_run_id,
        lag,
        kind,
        metric,
        reward_metric,
        count(*) AS n,
        count(reward_change) AS n_diff,
        corr(reward, value) AS pearson,
        corr(reward_change, value_change) AS pearson_diff,
        max(reward) - min(reward) AS reward_spread,
        max(value) - min(value) AS value_spread,
        max(reward_change) - min(reward_change) AS reward_change_spread,
        max(value_change) - min(value_change) AS value_change_spread,
        max(abs(reward)) AS reward_size,
        max(abs(value)) AS value_size
    FROM joined
    GROUP BY orchestrator_run_id, trainer_run_id, lag, kind, metric, reward_metric
)
SELECT
    c.orchestrator_run_id,
    c.trainer_run_id,
    CAST(c.lag AS BIGINT) AS lag,
    c.metric,
    c.n,
    CASE
        WHEN
            c.n >= p.least_values
            AND c.reward_spread > 0 AND c.value_spread > 0
            AND NOT isnan(c.pearson)
            THEN greatest(least(c.pearson, 1e0), -1e0)
    END AS pearson,
    CASE
        WHEN
            c.n_diff >= p.least_values
            AND c.reward_change_spread > p.rounding * c.reward_size
            AND c.value_change_spread > p.rounding * c.value_size
            AND NOT isnan(c.pearson_diff)
            THEN greatest(least(c.pearson_diff, 1e0), -1e0)
    END AS pearson_diff,
    c.n_diff,
    c.kind,
    c.reward_metric
FROM correlated AS c
CROSS JOIN parameters AS p
