-- metric_trends: how does each metric change from the first half of its samples to the second?
-- row: a metric of a run with more than 10 samples
-- formula: the first half is the first n // 2 finite values in step order, the second half is the rest
-- note: of most runs these numbers are kept, as in metric_stats
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column samples BIGINT: finite values, n
-- column first_half_mean DOUBLE: mean of the first half
-- column second_half_mean DOUBLE: mean of the second half
-- column improvement DOUBLE: second_half_mean - first_half_mean
-- column improvement_pct DOUBLE: improvement / |first_half_mean| * 100 (%); NULL where first_half_mean is 0
-- column completeness VARCHAR: verdict on the run's data, from runs

-- Beyond 1e100 in units of 2^600, so that no sum overflows, as in metric_stats.
WITH halves AS (
    SELECT
        s.run_id,
        s.role,
        s.metric,
        s.samples,
        max(abs(m.value)) AS peak,
        avg(m.value) FILTER (WHERE m.ord < s.samples // 2 AND abs(m.value) <= 1e100) AS a,
        avg(m.value) FILTER (WHERE m.ord >= s.samples // 2 AND abs(m.value) <= 1e100) AS b,
        avg(m.value / 4.149515568880993e180) FILTER (WHERE m.ord < s.samples // 2) AS huge_a,
        avg(m.value / 4.149515568880993e180) FILTER (WHERE m.ord >= s.samples // 2) AS huge_b
    FROM series_numbers_v1 AS s
    INNER JOIN metrics_v1 AS m
        ON m.run_id = s.run_id AND m.role = s.role AND m.metric = s.metric
    WHERE s.numbers IS NULL AND s.samples > 10 AND m.ord IS NOT NULL
    GROUP BY s.run_id, s.role, s.metric, s.samples
),
scaled AS (
    SELECT
        run_id,
        role,
        metric,
        samples,
        CASE WHEN peak <= 1e100 THEN a ELSE huge_a END AS a,
        CASE WHEN peak <= 1e100 THEN b ELSE huge_b END AS b,
        CASE WHEN peak <= 1e100 THEN 1e0 ELSE 4.149515568880993e180 END AS unit
    FROM halves
),
trends AS (
    SELECT
        run_id,
        role,
        metric,
        samples,
        greatest(least(a * unit, 1.7976931348623157e308), -1.7976931348623157e308) AS a,
        greatest(least(b * unit, 1.7976931348623157e308), -1.7976931348623157e308) AS b,
        (b - a) * unit AS improvement,
        (b - a) / NULLIF(abs(a), 0) * 100 AS improvement_pct
    FROM scaled
),
asked AS (
    SELECT
        run_id,
        role,
        metric,
        samples,
        a AS first_half_mean,
        b AS second_half_mean,
        CASE WHEN abs(improvement) <= 1.7976931348623157e308 THEN improvement END AS improvement,
        CASE WHEN abs(improvement_pct) <= 1.7976931348623157e308 THEN improvement_pct END
            AS improvement_pct
    FROM trends
    UNION ALL
    SELECT
        run_id,
        role,
        metric,
        samples,
        first_half_mean,
        second_half_mean,
        improvement,
        improvement_pct
    FROM series_numbers_v1
    WHERE numbers IS NOT NULL AND samples > 10
)
SELECT
    t.run_id,
    t.role,
    t.metric,
    t.samples,
    t.first_half_mean,
    t.second_half_mean,
    t.improvement,
    t.improvement_pct,
    r.completeness
FROM asked AS t
LEFT JOIN runs_v1 AS r ON r.run_id = t.run_id AND r.role = t.role
