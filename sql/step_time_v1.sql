-- step_time: how long do the steps of a run take, how much of it is waiting, and which are spikes?
-- row: a run
-- formula: over the finite values of the run's step time (main_metrics); a waiting share is the time waited / the step time, over the steps that have both
-- note: wall columns need no metric: the time from the log of one step to that of the next, over consecutive steps only, so that a sampled run does not look slow
-- note: a spike is a step of more than 2 medians; prime-rl's checkpoints show as spikes at regular steps
-- note: in a shared run both sides log time/step under one key and the last one stays: no waiting shares there
-- note: parameters: 2 medians, the 95 % quantile; the keys of waiting are prime-rl's: time/wait_for_batch (the trainer for rollouts), time/wait_for_weight_ckpt, time/wait_for_ckpt or time/wait_for_policy (the orchestrator for weights)
-- note: values below 0 or beyond 1e100 are left out
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column samples BIGINT: steps with a step time
-- column median DOUBLE: median step time (s)
-- column mean DOUBLE: mean step time (s)
-- column p95 DOUBLE: 95 % quantile (s)
-- column max DOUBLE: longest (s)
-- column max_step BIGINT: the step that took longest
-- column total DOUBLE: sum of the step times (s)
-- column spikes BIGINT: steps that took more than spike_over
-- column spike_over DOUBLE: 2 medians (s)
-- column spike_excess DOUBLE: time in spikes beyond a median step each (s)
-- column batch_wait_share DOUBLE: share of the step time spent waiting for a batch
-- column weights_wait_share DOUBLE: share of the step time spent waiting for weights
-- column wall_samples BIGINT: pairs of consecutive steps
-- column wall_median DOUBLE: median time from one step to the next (s)
-- column wall_mean DOUBLE: mean time from one step to the next (s)
-- column throughput_mean DOUBLE: mean of the run's throughput metric, in its own unit
-- column throughput_median DOUBLE: its median
-- column throughput_min DOUBLE: its least value
-- column throughput_max DOUBLE: its greatest value
-- column step_time_metric VARCHAR: the key of the step time
-- column throughput_metric VARCHAR: the key of the throughput
-- column completeness VARCHAR: verdict on the run's data, from runs
WITH parameters AS (
    SELECT
        2 AS spike_medians,
        0.95 AS high_quantile
),
wanted AS (
    SELECT run_id, role, kind AS quantity, metric
    FROM main_metrics_v1
    WHERE kind IN ('step_time', 'throughput')
    UNION ALL
    SELECT
        run_id,
        role,
        CASE WHEN metric = 'time/wait_for_batch' THEN 'batch_wait' ELSE 'weights_wait' END,
        metric
    FROM series_v1
    WHERE
        role <> 'shared'
        AND metric IN (
            'time/wait_for_batch',
            'time/wait_for_weight_ckpt',
            'time/wait_for_ckpt',
            'time/wait_for_policy'
        )
),
-- metrics is named where it is read, never in a relation that is read twice: a filter by run then
-- reaches its files.
numbers AS (
    SELECT
        w.run_id,
        w.role,
        w.quantity,
        m.step,
        m.value,
        median(m.value) OVER whole AS median,
        max(m.value) OVER whole AS top,
        count(*) OVER whole AS n,
        row_number() OVER (
            PARTITION BY w.run_id, w.role, w.quantity ORDER BY m.value ASC
        ) - 1 AS place
    FROM wanted AS w
    INNER JOIN metrics_v1 AS m
        ON m.run_id = w.run_id AND m.role = w.role AND m.metric = w.metric
    WHERE
        w.quantity IN ('step_time', 'throughput')
        AND m.ord IS NOT NULL AND m.value >= 0 AND m.value <= 1e100
    WINDOW whole AS (PARTITION BY w.run_id, w.role, w.quantity)
),
judged AS (
    SELECT
        n.*,
        n.quantity = 'step_time' AS is_time,
        n.quantity = 'step_time' AND n.value > p.spike_medians * n.median AS is_spike,
        p.spike_medians * n.median AS spike_over,
        p.high_quantile * (n.n - 1) AS high_place
    FROM numbers AS n
    CROSS JOIN parameters AS p
),
timed AS (
    SELECT
        run_id,
        role,
        count(*) FILTER (WHERE is_time) AS samples,
        max(median) FILTER (WHERE is_time) AS median,
        avg(value) FILTER (WHERE is_time) AS mean,
        -- The quantile lies between the values at the two places around its own.
        max(value) FILTER (WHERE is_time AND place = floor(high_place)) AS below,
        max(value) FILTER (WHERE is_time AND place = floor(high_place) + 1) AS above,
        max(high_place - floor(high_place)) FILTER (WHERE is_time) AS between_them,
        max(value) FILTER (WHERE is_time) AS max,
        min(step) FILTER (WHERE is_time AND value = top) AS max_step,
        sum(value) FILTER (WHERE is_time) AS total,
        count(*) FILTER (WHERE is_spike) AS spikes,
        max(spike_over) FILTER (WHERE is_time) AS spike_over,
        coalesce(sum(value - median) FILTER (WHERE is_spike), 0) AS spike_excess,
        avg(value) FILTER (WHERE NOT is_time) AS throughput_mean,
        max(median) FILTER (WHERE NOT is_time) AS throughput_median,
        min(value) FILTER (WHERE NOT is_time) AS throughput_min,
        max(value) FILTER (WHERE NOT is_time) AS throughput_max
    FROM judged
    GROUP BY run_id, role
),
-- The waiting of a step beside its time: a run may log more than one key of waiting.
by_step AS (
    SELECT
        w.run_id,
        w.role,
        m.step,
        max(m.value) FILTER (WHERE w.quantity = 'step_time') AS step_time,
        sum(m.value) FILTER (WHERE w.quantity = 'batch_wait') AS batch_wait,
        count(*) FILTER (WHERE w.quantity = 'batch_wait') AS batch_waits,
        sum(m.value) FILTER (WHERE w.quantity = 'weights_wait') AS weights_wait,
        count(*) FILTER (WHERE w.quantity = 'weights_wait') AS weights_waits
    FROM wanted AS w
    INNER JOIN metrics_v1 AS m
        ON m.run_id = w.run_id AND m.role = w.role AND m.metric = w.metric
    WHERE
        w.quantity IN ('step_time', 'batch_wait', 'weights_wait')
        AND m.ord IS NOT NULL AND m.value >= 0 AND m.value <= 1e100
    GROUP BY w.run_id, w.role, m.step
),
waited AS (
    SELECT
        run_id,
        role,
        sum(batch_wait) / NULLIF(sum(step_time * batch_waits), 0) AS batch_wait_share,
        sum(weights_wait) / NULLIF(sum(step_time * weights_waits), 0) AS weights_wait_share
    FROM by_step
    WHERE step_time IS NOT NULL
    GROUP BY run_id, role
),
logged AS (
    SELECT
        run_id,
        role,
        step - lag(step) OVER along AS steps,
        timestamp - lag(timestamp) OVER along AS seconds
    FROM steps_v1
    WHERE timestamp IS NOT NULL
    WINDOW along AS (PARTITION BY run_id, role ORDER BY step)
),
walls AS (
    SELECT
        run_id,
        role,
        count(*) AS samples,
        median(seconds) AS median,
        avg(seconds) AS mean
    FROM logged
    WHERE steps = 1 AND abs(seconds) <= 1e100
    GROUP BY run_id, role
),
names AS (
    SELECT
        run_id,
        role,
        max(metric) FILTER (WHERE quantity = 'step_time') AS step_time_metric,
        max(metric) FILTER (WHERE quantity = 'throughput') AS throughput_metric
    FROM wanted
    GROUP BY run_id, role
)
SELECT
    r.run_id,
    r.role,
    coalesce(t.samples, 0) AS samples,
    t.median,
    t.mean,
    t.below + coalesce(t.between_them * (t.above - t.below), 0) AS p95,
    t.max,
    t.max_step,
    t.total,
    CASE WHEN t.samples > 0 THEN t.spikes END AS spikes,
    t.spike_over,
    CASE WHEN t.samples > 0 THEN t.spike_excess END AS spike_excess,
    w.batch_wait_share,
    w.weights_wait_share,
    coalesce(l.samples, 0) AS wall_samples,
    l.median AS wall_median,
    l.mean AS wall_mean,
    t.throughput_mean,
    t.throughput_median,
    t.throughput_min,
    t.throughput_max,
    n.step_time_metric,
    n.throughput_metric,
    r.completeness
FROM runs_v1 AS r
LEFT JOIN timed AS t ON t.run_id = r.run_id AND t.role = r.role
LEFT JOIN waited AS w ON w.run_id = r.run_id AND w.role = r.role
LEFT JOIN walls AS l ON l.run_id = r.run_id AND l.role = r.role
LEFT JOIN names AS n ON n.run_id = r.run_id AND n.role = r.role
