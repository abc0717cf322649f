-- run_overview: what a person wants to know first about each run
-- row: a run
-- formula: each value is that of the run's main metric of the kind (main_metrics); last is the mean of its last finite values, for one last value is noise: of the last tenth of them, at least 1 and at most 100
-- note: a trainer logs no reward and an orchestrator no loss: partner_run_id has the other half, reward_loss_by_step has both
-- note: parameters: a tenth, 100 values; more than 10 samples for the halves, as in reward_trends; means are NULL where a value is beyond 1e100
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column name VARCHAR: display name
-- column project VARCHAR: W&B project
-- column state VARCHAR: finished, running, failed, …
-- column created_at TIMESTAMP: when the run was made (UTC)
-- column completeness VARCHAR: verdict on the run's data
-- column steps BIGINT: distinct steps stored
-- column last_step BIGINT: highest step stored
-- column duration DOUBLE: time from its start to its last row (s)
-- column partner_run_id VARCHAR: the trainer of an orchestrator, the orchestrator of a trainer, from run_pairs; NULL for none, and for a run that holds both sides
-- column reward_metric VARCHAR: the key that reward is
-- column reward_first_half DOUBLE: mean of the reward's first half
-- column reward_second_half DOUBLE: mean of its second half
-- column reward_last DOUBLE: mean of its last values
-- column reward_last_samples BIGINT: how many values that are, at most 100 and a tenth of all
-- column reward_max DOUBLE: its greatest value
-- column reward_max_step BIGINT: first step at which it had it
-- column loss_last DOUBLE: mean of the last losses
-- column loss_last_samples BIGINT: how many
-- column entropy_last DOUBLE: mean of the last entropies
-- column entropy_last_samples BIGINT: how many
-- column kl_last DOUBLE: mean of the last KL divergences; which one, main_metrics tells
-- column kl_last_samples BIGINT: how many
-- column response_length_last DOUBLE: mean of the last response lengths
-- column response_length_last_samples BIGINT: how many
-- column step_time_median DOUBLE: median step time (s); step_time has more, and for runs that log none
-- column throughput_median DOUBLE: median throughput, in the metric's own unit
-- column metrics BIGINT: numeric metrics
-- column dead_metrics BIGINT: metrics that are always 0, as in metric_health
-- column dead_components BIGINT: those of them that are reward components
-- column nonfinite BIGINT: values that are NaN or Infinity
-- column entity VARCHAR: W&B entity
-- column ingested_at TIMESTAMP: when it was last ingested (UTC)
WITH parameters AS (
    SELECT
        100 AS last_values,
        10 AS last_divisor,
        10 AS more_samples_than,
        2 AS least_samples
),
pairs AS (
    SELECT orchestrator_run_id, trainer_run_id
    FROM run_pairs_v1
    WHERE orchestrator_run_id <> trainer_run_id
),
partners AS (
    SELECT orchestrator_run_id AS run_id, trainer_run_id AS partner_run_id
    FROM pairs
    UNION ALL
    SELECT trainer_run_id, orchestrator_run_id
    FROM pairs
),
logged AS (
    SELECT
        s.run_id,
        s.role,
        s.metric,
        s.kind,
        k.kind AS main_kind,
        s.samples,
        s.nonfinite,
        coalesce(k.sign, 1) AS sign
    FROM series_v1 AS s
    LEFT JOIN main_metrics_v1 AS k
        ON k.run_id = s.run_id AND k.role = s.role AND k.metric = s.metric
),
numbers AS (
    SELECT
        l.run_id,
        l.role,
        l.metric,
        l.main_kind,
        m.value,
        CASE WHEN abs(m.value) <= 1e100 THEN m.value END AS summable,
        m.ord < l.samples // 2 AS in_first_half,
        m.ord >= l.samples - least(
            p.last_values, greatest(l.samples // NULLIF(p.last_divisor, 0), 1)
        ) AS in_last,
        l.samples > p.more_samples_than AS halved
    FROM logged AS l
    INNER JOIN metrics_v1 AS m
        ON m.run_id = l.run_id AND m.role = l.role AND m.metric = l.metric
    CROSS JOIN parameters AS p
    WHERE m.ord IS NOT NULL
),
measured AS (
    SELECT
        run_id,
        role,
        metric,
        min(value) AS least_value,
        max(value) AS greatest_value,
        count(*) = count(summable) AS within_range,
        avg(summable) FILTER (WHERE halved AND in_first_half) AS first_half,
        avg(summable) FILTER (WHERE halved AND NOT in_first_half) AS second_half,
        avg(summable) FILTER (WHERE in_last) AS last_mean,
        count(*) FILTER (WHERE in_last) AS last_samples,
        median(value) FILTER (WHERE main_kind IN ('step_time', 'throughput')) AS median
    FROM numbers
    GROUP BY run_id, role, metric
),
-- Read apart, so that a filter by run reaches the files of both.
best AS (
    SELECT run_id, role, min(step) AS step
    FROM (
        SELECT
            k.run_id,
            k.role,
            m.step,
            m.value = max(m.value) OVER (PARTITION BY k.run_id, k.role) AS is_best
        FROM main_metrics_v1 AS k
        INNER JOIN metrics_v1 AS m
            ON m.run_id = k.run_id AND m.role = k.role AND m.metric = k.metric
        WHERE k.kind = 'reward' AND m.ord IS NOT NULL
    ) AS rewards
    WHERE is_best
    GROUP BY run_id, role
),
told AS (
    SELECT
        l.run_id,
        l.role,
        l.metric,
        l.kind,
        l.main_kind,
        l.nonfinite,
        l.samples >= p.least_samples AND m.least_value = 0 AND m.greatest_value = 0 AS dead,
        m.greatest_value,
        m.median,
        CASE WHEN m.within_range THEN m.first_half END AS first_half,
        CASE WHEN m.within_range THEN m.second_half END AS second_half,
        CASE WHEN m.within_range THEN m.last_mean * l.sign END AS last_mean,
        CASE WHEN m.within_range THEN m.last_samples END AS last_samples,
        l.samples + l.nonfinite > 0 AS numeric
    FROM logged AS l
    CROSS JOIN parameters AS p
    LEFT JOIN measured AS m
        ON m.run_id = l.run_id AND m.role = l.role AND m.metric = l.metric
),
beside AS (
    SELECT
        run_id,
        role,
        max(metric) FILTER (WHERE main_kind = 'reward') AS reward_metric,
        max(first_half) FILTER (WHERE main_kind = 'reward') AS reward_first_half,
        max(second_half) FILTER (WHERE main_kind = 'reward') AS reward_second_half,
        max(last_mean) FILTER (WHERE main_kind = 'reward') AS reward_last,
        max(last_samples) FILTER (WHERE main_kind = 'reward') AS reward_last_samples,
        max(greatest_value) FILTER (WHERE main_kind = 'reward') AS reward_max,
        max(last_mean) FILTER (WHERE main_kind = 'loss') AS loss_last,
        max(last_samples) FILTER (WHERE main_kind = 'loss') AS loss_last_samples,
        max(last_mean) FILTER (WHERE main_kind = 'entropy') AS entropy_last,
        max(last_samples) FILTER (WHERE main_kind = 'entropy') AS entropy_last_samples,
        max(last_mean) FILTER (WHERE main_kind = 'kl') AS kl_last,
        max(last_samples) FILTER (WHERE main_kind = 'kl') AS kl_last_samples,
        max(last_mean) FILTER (WHERE main_kind = 'response_length') AS response_length_last,
        max(last_samples) FILTER (WHERE main_kind = 'response_length') AS response_length_last_samples,
        max(median) FILTER (WHERE main_kind = 'step_time') AS step_time_median,
        max(median) FILTER (WHERE main_kind = 'throughput') AS throughput_median,
        count(*) FILTER (WHERE numeric) AS metrics,
        count(*) FILTER (WHERE dead) AS dead_metrics,
        count(*) FILTER (WHERE dead AND kind = 'reward_component') AS dead_components,
        CAST(sum(nonfinite) AS BIGINT) AS nonfinite
    FROM told
    GROUP BY run_id, role
)
SELECT
    r.run_id,
    r.role,
    r.name,
    r.project,
    r.state,
    r.created_at,
    r.completeness,
    r.steps,
    r.last_step,
    r.ended_at - r.started_at AS duration,
    p.partner_run_id,
    v.reward_metric,
    v.reward_first_half,
    v.reward_second_half,
    v.reward_last,
    v.reward_last_samples,
    v.reward_max,
    b.step AS reward_max_step,
    v.loss_last,
    v.loss_last_samples,
    v.entropy_last,
    v.entropy_last_samples,
    v.kl_last,
    v.kl_last_samples,
    v.response_length_last,
    v.response_length_last_samples,
    v.step_time_median,
    v.throughput_median,
    coalesce(v.metrics, 0) AS metrics,
    coalesce(v.dead_metrics, 0) AS dead_metrics,
    coalesce(v.dead_components, 0) AS dead_components,
    coalesce(v.nonfinite, 0) AS nonfinite,
    r.entity,
    r.ingested_at
FROM runs_v1 AS r
LEFT JOIN partners AS p ON p.run_id = r.run_id
LEFT JOIN beside AS v ON v.run_id = r.run_id AND v.role = r.role
LEFT JOIN best AS b ON b.run_id = r.run_id AND b.role = r.role
