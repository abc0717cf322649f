-- reward_milestones: how soon did each reward metric get 25, 50, 75 and 90 % of its improvement?
-- row: a reward metric of a run with at least 10 samples, and a milestone
-- formula: target = first value + milestone % of (last value - first value); step is that of the first value that reaches it
-- note: the single first and last values are as noisy as any: the robust columns take the mean of the first 20 and of the last 20 values for them, and the first step whose trailing mean of 20 values reaches the target
-- note: means of 20 resist noise, not outliers: one value among the last 20 that is far off, by 20 times the improvement say, moves every robust target, and with it robust_step to the end
-- note: a reward metric is one whose name contains reward or score, in any case, or whose kind is reward or reward_component (reward_metrics)
-- note: parameters: 10 samples; robust: a window of 20, and 40 samples
-- note: NULL where the metric did not improve, or has too few samples
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column milestone BIGINT: share of the improvement (%)
-- column target DOUBLE: the value to reach
-- column step BIGINT: first step at which the value reached it
-- column value DOUBLE: value at that step
-- column robust_target DOUBLE: the smoothed value to reach
-- column robust_step BIGINT: first step at which the smoothed value reached it
-- column robust_value DOUBLE: smoothed value at that step
-- column samples BIGINT: finite values, n
-- column initial DOUBLE: first value
-- column final DOUBLE: last value
-- column robust_initial DOUBLE: mean of the first 20 values; NULL with fewer than 40 samples
-- column robust_final DOUBLE: mean of the last 20 values; NULL with fewer than 40 samples
-- column completeness VARCHAR: verdict on the run's data, from runs
WITH parameters AS (
    SELECT
        10 AS least_samples,
        -- The window below says 19 PRECEDING for it: SQL wants a literal there.
        20 AS smoothing,
        40 AS least_robust_samples
),
milestones AS (
    SELECT 25 AS milestone
    UNION ALL
    SELECT 50
    UNION ALL
    SELECT 75
    UNION ALL
    SELECT 90
),
finite AS (
    SELECT m.run_id, m.role, m.metric, m.step, m.ord, m.value
    FROM metrics_v1 AS m
    INNER JOIN reward_metrics_v1 AS r
        ON r.run_id = m.run_id AND r.role = m.role AND r.metric = m.metric
    WHERE m.ord IS NOT NULL
),
-- Beyond 1e100 in units of 2^600, so that no sum overflows, as in metric_stats.
smoothed AS (
    SELECT
        run_id,
        role,
        metric,
        step,
        ord,
        value,
        avg(CASE WHEN abs(value) <= 1e100 THEN value END) OVER recent AS average,
        avg(value / 4.149515568880993e180) OVER recent AS huge_average,
        max(abs(value)) OVER recent AS peak,
        count(*) OVER whole AS samples
    FROM finite
    WINDOW
        recent AS (
            PARTITION BY run_id, role, metric
            ORDER BY ord ASC ROWS BETWEEN 19 PRECEDING AND CURRENT ROW
        ),
        whole AS (PARTITION BY run_id, role, metric)
),
points AS (
    SELECT
        s.run_id,
        s.role,
        s.metric,
        s.step,
        s.value,
        s.samples,
        s.ord = 0 AS is_first,
        s.ord = s.samples - 1 AS is_last,
        -- The trailing mean at the 20th value is that of the first 20, at the last that of the last.
        s.ord = p.smoothing - 1 AS is_first_smooth,
        s.samples >= p.least_robust_samples AS is_robust,
        CASE
            WHEN s.ord < p.smoothing - 1 THEN NULL
            WHEN s.peak <= 1e100 THEN s.average
            ELSE greatest(
                least(s.huge_average * 4.149515568880993e180, 1.7976931348623157e308),
                -1.7976931348623157e308
            )
        END AS average
    FROM smoothed AS s
    CROSS JOIN parameters AS p
    WHERE s.samples >= p.least_samples
),
framed AS (
    SELECT
        run_id,
        role,
        metric,
        step,
        value,
        average,
        samples,
        max(CASE WHEN is_first THEN value END) OVER whole AS initial,
        max(CASE WHEN is_last THEN value END) OVER whole AS final,
        max(CASE WHEN is_robust AND is_first_smooth THEN average END) OVER whole
            AS robust_initial,
        max(CASE WHEN is_robust AND is_last THEN average END) OVER whole AS robust_final
    FROM points
    WINDOW whole AS (PARTITION BY run_id, role, metric)
),
targets AS (
    SELECT
        f.*,
        m.milestone,
        CASE
            WHEN
                f.final > f.initial AND f.final - f.initial <= 1.7976931348623157e308
                THEN f.initial + (f.final - f.initial) * (m.milestone / 100)
        END AS target,
        CASE
            WHEN
                f.robust_final > f.robust_initial
                AND f.robust_final - f.robust_initial <= 1.7976931348623157e308
                THEN
                    f.robust_initial
                    + (f.robust_final - f.robust_initial) * (m.milestone / 100)
        END AS robust_target
    FROM framed AS f
    CROSS JOIN milestones AS m
)
SELECT
    t.run_id,
    t.role,
    t.metric,
    CAST(t.milestone AS BIGINT) AS milestone,
    t.target,
    min(t.step) FILTER (WHERE t.value >= t.target) AS step,
    arg_min(t.value, t.step) FILTER (WHERE t.value >= t.target) AS value,
    t.robust_target,
    min(t.step) FILTER (WHERE t.average >= t.robust_target) AS robust_step,
    arg_min(t.average, t.step) FILTER (WHERE t.average >= t.robust_target) AS robust_value,
    t.samples,
    t.initial,
    t.final,
    t.robust_initial,
    t.robust_final,
    r.completeness
FROM targets AS t
LEFT JOIN runs_v1 AS r ON r.run_id = t.run_id AND r.role = t.role
GROUP BY
    t.run_id,
    t.role,
    t.metric,
    t.milestone,
    t.target,
    t.robust_target,
    t.samples,
    t.initial,
    t.final,
    t.robust_initial,
    t.robust_final,
    r.completeness
