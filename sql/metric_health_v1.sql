-- metric_health: which metrics say nothing, are at their limit, or have holes
-- row: a metric of a run
-- formula: over the metric's values, one per step; positions are counted in the run's own steps, or in those of the metric's axis where it has one of its own (series.axis: the steps of all metrics of that axis), so that a sampled run has no gaps by that alone (runs has the run's)
-- note: sparse is not faulty: a metric logged every k steps has stride k and no gaps; a gap is a value that its own stride promises and that is missing
-- note: saturated is asked of reward metrics and components between 0 and 1 only (NULL for others, whose limit is not known): mean >= 0.95, or 95 % of the second half's values >= 0.9
-- note: constant and dead need 2 finite values; NULL with fewer
-- note: duplicates: the warehouse keeps the last of several values of a step, and counts per run at how many steps some key was logged twice: 0 where that is 0, else NULL, for which of the keys is not stored
-- note: parameters: the numbers above; regular: 90 % of the distances; mean is NULL where a value is beyond 1e100
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column samples BIGINT: finite values, n
-- column constant BOOLEAN: all finite values are equal
-- column dead BOOLEAN: all finite values are 0
-- column saturated BOOLEAN: near its upper limit, with nothing left to gain
-- column nonfinite BIGINT: values that are NaN or Infinity
-- column gaps BIGINT: values missing between the first and the last, by the metric's stride
-- column duplicates BIGINT: steps at which it was logged more than once; NULL where that cannot be told
-- column kind VARCHAR: what the metric is, from series; NULL for most
-- column min DOUBLE: least finite value
-- column max DOUBLE: greatest finite value
-- column mean DOUBLE: mean of the finite values
-- column high_share DOUBLE: share of the second half's values that are >= 0.9; NULL where saturated is
-- column stride BIGINT: median distance from one value to the next, in steps of the run or axis; NULL for one value
-- column regular BOOLEAN: at least 90 % of the distances are the stride; else gaps are counted against a stride that it does not keep
-- column unlogged BIGINT: steps of the run or axis between its first and last value that have none, on purpose or not
-- column unlogged_before BIGINT: steps of the run or axis before its first value
-- column unlogged_after BIGINT: steps of the run or axis after its last value: it may have stopped
-- column first_step BIGINT: first step at which it was logged
-- column last_step BIGINT: last step at which it was logged
-- column run_duplicate_steps BIGINT: steps of the run at which several log rows logged some key, from runs
-- column completeness VARCHAR: verdict on the run's data, from runs
WITH parameters AS (
    SELECT
        2 AS least_samples,
        0.95 AS saturated_mean,
        0.9 AS high_value,
        0.95 AS saturated_share,
        0.9 AS regular_share
),
-- The run's own axis has no name here. Any other is made of the steps of its metrics.
counted AS (
    SELECT run_id, role, '' AS axis, step
    FROM steps_v1
    UNION ALL
    SELECT s.run_id, s.role, s.axis, m.step
    FROM series_v1 AS s
    INNER JOIN metrics_v1 AS m
        ON m.run_id = s.run_id AND m.role = s.role AND m.metric = s.metric
    WHERE s.axis IS NOT NULL
    GROUP BY s.run_id, s.role, s.axis, m.step
),
placed AS (
    SELECT
        run_id,
        role,
        axis,
        step,
        row_number() OVER (PARTITION BY run_id, role, axis ORDER BY step ASC) AS place,
        count(*) OVER (PARTITION BY run_id, role, axis) AS places
    FROM counted
),
spans AS (
    SELECT
        s.run_id,
        s.role,
        s.metric,
        coalesce(s.axis, '') AS axis,
        s.kind,
        s.samples,
        s.nonfinite,
        s.first_step,
        s.last_step,
        s.samples + s.nonfinite AS logged,
        z.place - a.place + 1 - s.samples - s.nonfinite AS unlogged,
        a.place - 1 AS unlogged_before,
        z.places - z.place AS unlogged_after,
        coalesce(s.kind IN ('reward', 'reward_component'), FALSE)
        OR lower(s.metric) LIKE '%reward%' OR lower(s.metric) LIKE '%score%' AS of_reward
    FROM series_v1 AS s
    LEFT JOIN placed AS a
        ON a.run_id = s.run_id AND a.role = s.role AND a.axis = coalesce(s.axis, '')
        AND a.step = s.first_step
    LEFT JOIN placed AS z
        ON z.run_id = s.run_id AND z.role = s.role AND z.axis = coalesce(s.axis, '')
        AND z.step = s.last_step
),
measured AS (
    SELECT
        s.run_id,
        s.role,
        s.metric,
        min(m.value) FILTER (WHERE m.ord IS NOT NULL) AS min,
        max(m.value) FILTER (WHERE m.ord IS NOT NULL) AS max,
        avg(m.value) FILTER (WHERE m.ord IS NOT NULL AND abs(m.value) <= 1e100) AS mean,
        count(*) FILTER (WHERE m.ord >= s.samples // 2 AND m.value >= p.high_value)
        / NULLIF(count(*) FILTER (WHERE m.ord >= s.samples // 2), 0) AS high_share
    FROM series_numbers_v1 AS s
    INNER JOIN metrics_v1 AS m
        ON m.run_id = s.run_id AND m.role = s.role AND m.metric = s.metric
    CROSS JOIN parameters AS p
    WHERE s.numbers IS NULL
    GROUP BY s.run_id, s.role, s.metric
    UNION ALL
    SELECT
        run_id,
        role,
        metric,
        min,
        max,
        mean,
        high_values / NULLIF(samples - samples // 2, 0) AS high_share
    FROM series_numbers_v1
    WHERE numbers IS NOT NULL
),
-- Only a metric that misses some step of the run needs a look at where its values are.
distances AS (
    SELECT
        s.run_id,
        s.role,
        s.metric,
        p.place - lag(p.place) OVER (
            PARTITION BY s.run_id, s.role, s.metric ORDER BY p.place ASC
        ) AS distance
    FROM spans AS s
    INNER JOIN metrics_v1 AS m
        ON m.run_id = s.run_id AND m.role = s.role AND m.metric = s.metric
    INNER JOIN placed AS p
        ON p.run_id = m.run_id AND p.role = m.role AND p.axis = s.axis AND p.step = m.step
    WHERE s.unlogged > 0
),
strides AS (
    SELECT
        run_id,
        role,
        metric,
        distance,
        CAST(floor(median(distance) OVER (PARTITION BY run_id, role, metric)) AS BIGINT)
            AS stride
    FROM distances
    WHERE distance IS NOT NULL
),
holes AS (
    SELECT
        run_id,
        role,
        metric,
        stride,
        CAST(sum(greatest(distance // NULLIF(stride, 0) - 1, 0)) AS BIGINT) AS gaps,
        count(*) FILTER (WHERE distance = stride) / NULLIF(count(*), 0) AS kept_share
    FROM strides
    GROUP BY run_id, role, metric, stride
)
SELECT
    s.run_id,
    s.role,
    s.metric,
    s.samples,
    CASE WHEN s.samples >= p.least_samples THEN t.min = t.max END AS constant,
    CASE WHEN s.samples >= p.least_samples THEN t.min = 0 AND t.max = 0 END AS dead,
    CASE
        WHEN s.of_reward AND s.samples >= p.least_samples AND t.min >= 0 AND t.max <= 1
            THEN t.mean >= p.saturated_mean OR t.high_share >= p.saturated_share
    END AS saturated,
    s.nonfinite,
    CASE WHEN s.unlogged > 0 THEN h.gaps WHEN s.unlogged = 0 THEN 0 END AS gaps,
    CASE WHEN r.duplicate_steps = 0 THEN CAST(0 AS BIGINT) END AS duplicates,
    s.kind,
    t.min,
    t.max,
    CASE WHEN t.min >= -1e100 AND t.max <= 1e100 THEN greatest(least(t.mean, t.max), t.min) END
        AS mean,
    CASE
        WHEN s.of_reward AND s.samples >= p.least_samples AND t.min >= 0 AND t.max <= 1
            THEN t.high_share
    END AS high_share,
    CASE WHEN s.unlogged > 0 THEN h.stride WHEN s.unlogged = 0 AND s.logged > 1 THEN 1 END
        AS stride,
    CASE
        WHEN s.unlogged > 0 THEN h.kept_share >= p.regular_share
        WHEN s.unlogged = 0 AND s.logged > 1 THEN TRUE
    END AS regular,
    s.unlogged,
    s.unlogged_before,
    s.unlogged_after,
    s.first_step,
    s.last_step,
    r.duplicate_steps AS run_duplicate_steps,
    r.completeness
FROM spans AS s
CROSS JOIN parameters AS p
LEFT JOIN measured AS t ON t.run_id = s.run_id AND t.role = s.role AND t.metric = s.metric
LEFT JOIN holes AS h ON h.run_id = s.run_id AND h.role = s.role AND h.metric = s.metric
LEFT JOIN runs_v1 AS r ON r.run_id = s.run_id AND r.role = s.role
