-- metric_stats: what each metric of a run amounts to
-- row: a metric of a run
-- formula: over the metric's finite values, one per step, in step order
-- note: std is taken around a value of the metric where all lie far from 0, within 1 % of each other: the mean of squares would lose digits there
-- note: of most runs these numbers are kept beside the metrics when they are stored; where they are not, in a run of more than 4,000,000 values, they are computed when asked for
-- note: a metric that was only ever NaN or Infinity has a row with samples 0 and NULLs; a std that DOUBLE cannot hold is NULL
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column samples BIGINT: finite values, n
-- column mean DOUBLE: arithmetic mean
-- column median DOUBLE: median; the mean of the middle two where n is even
-- column std DOUBLE: sample standard deviation (n - 1); NULL for one sample
-- column min DOUBLE: least value
-- column max DOUBLE: greatest value
-- column final DOUBLE: value at the last step that has a finite one
-- column nonfinite BIGINT: values that are NaN or Infinity; they count in no other column
-- column initial DOUBLE: value at the first step that has a finite one
-- column first_step BIGINT: step of initial
-- column last_step BIGINT: step of final
-- column completeness VARCHAR: verdict on the run's data, from runs

-- Sums and squares of values beyond 1e100 leave DOUBLE's range (DuckDB 1.5 then fails for every
-- run), so such a metric is measured in units of 2^600, which is exact, and a tiny one in 2^-600.
WITH finite AS (
    SELECT
        s.run_id,
        s.role,
        s.metric,
        m.ord,
        m.value AS logged,
        CASE WHEN m.ord IS NOT NULL THEN m.value END AS value,
        CASE WHEN m.ord IS NOT NULL THEN abs(m.value) END AS size,
        CASE WHEN m.ord IS NOT NULL THEN m.step END AS step
    FROM series_numbers_v1 AS s
    INNER JOIN metrics_v1 AS m
        ON m.run_id = s.run_id AND m.role = s.role AND m.metric = s.metric
    WHERE s.numbers IS NULL
),
measured AS (
    SELECT
        run_id,
        role,
        metric,
        count(value) AS samples,
        count(logged) - count(value) AS nonfinite,
        max(size) AS peak,
        avg(value) FILTER (WHERE size <= 1e100) AS mean,
        avg(value / 4.149515568880993e180) AS huge_mean,
        median(value) AS median,
        stddev_samp(value) FILTER (WHERE size <= 1e100) AS std,
        stddev_samp(value / 4.149515568880993e180) AS huge_std,
        stddev_samp(value * 4.149515568880993e180) FILTER (WHERE size < 1e-100) AS tiny_std,
        min(value) AS min,
        max(value) AS max,
        arg_max(value, ord) FILTER (WHERE value IS NOT NULL) AS final,
        arg_min(value, ord) FILTER (WHERE value IS NOT NULL) AS initial,
        min(step) AS first_step,
        max(step) AS last_step
    FROM finite
    GROUP BY run_id, role, metric
),
-- Beside measured, which is read once so that a filter by run reaches its files. That samples are
-- asked, which are there where a value is, keeps DuckDB from aggregating all metrics before the join.
shifted AS (
    SELECT run_id, role, metric, low AS origin
    FROM (
        SELECT
            s.run_id,
            s.role,
            s.metric,
            min(CASE WHEN s.samples > 0 THEN m.value END) AS low,
            max(CASE WHEN s.samples > 0 THEN m.value END) AS high
        FROM series_numbers_v1 AS s
        INNER JOIN metrics_v1 AS m
            ON m.run_id = s.run_id AND m.role = s.role AND m.metric = s.metric
        WHERE s.numbers IS NULL AND m.ord IS NOT NULL
        GROUP BY s.run_id, s.role, s.metric
    ) AS ranges
    WHERE
        low < high
        AND greatest(abs(low), abs(high)) <= 1e100
        AND greatest(abs(low), abs(high)) / 200 > high / 2 - low / 2
),
closer AS (
    SELECT s.run_id, s.role, s.metric, stddev_samp(m.value - s.origin) AS std
    FROM shifted AS s
    INNER JOIN metrics_v1 AS m
        ON m.run_id = s.run_id AND m.role = s.role AND m.metric = s.metric
    WHERE m.ord IS NOT NULL
    GROUP BY s.run_id, s.role, s.metric
),
scaled AS (
    SELECT
        run_id,
        role,
        metric,
        samples,
        CASE WHEN peak <= 1e100 THEN mean ELSE huge_mean * 4.149515568880993e180 END AS mean,
        median,
        CASE
            WHEN peak < 1e-100 THEN tiny_std / 4.149515568880993e180
            WHEN peak <= 1e100 THEN std
            ELSE huge_std * 4.149515568880993e180
        END AS std,
        min,
        max,
        final,
        nonfinite,
        initial,
        first_step,
        last_step
    FROM measured
),
asked AS (
    SELECT
        s.run_id,
        s.role,
        s.metric,
        s.samples,
        greatest(least(s.mean, s.max), s.min) AS mean,
        s.median,
        CASE
            WHEN c.std IS NOT NULL THEN c.std
            WHEN NOT isnan(s.std) AND s.std <= 1.7976931348623157e308 THEN s.std
        END AS std,
        s.min,
        s.max,
        s.final,
        s.nonfinite,
        s.initial,
        s.first_step,
        s.last_step
    FROM scaled AS s
    LEFT JOIN closer AS c ON c.run_id = s.run_id AND c.role = s.role AND c.metric = s.metric
    UNION ALL
    SELECT
        run_id,
        role,
        metric,
        samples,
        mean,
        median,
        std,
        min,
        max,
        final,
        nonfinite,
        initial,
        initial_step AS first_step,
        final_step AS last_step
    FROM series_numbers_v1
    WHERE numbers IS NOT NULL AND samples + nonfinite > 0
)
SELECT
    a.run_id,
    a.role,
    a.metric,
    a.samples,
    a.mean,
    a.median,
    a.std,
    a.min,
    a.max,
    a.final,
    a.nonfinite,
    a.initial,
    a.first_step,
    a.last_step,
    r.completeness
FROM asked AS a
LEFT JOIN runs_v1 AS r ON r.run_id = a.run_id AND r.role = a.role
