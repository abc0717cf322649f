-- theil_sen: the slope that outliers do not move, exactly, of the reward metrics and of the main loss, entropy, KL and gradient norm
-- row: one of these metrics of a run, with 2 to 2000 samples
-- formula: the median of (later value - earlier value) / (later step - earlier step) over all pairs of samples
-- note: 1000 samples are 499500 pairs, held in memory while the median is taken: in a large warehouse ask for one run at a time; trend_evidence has a slope over 20 parts of every metric at no such price
-- note: a reward metric is one whose name contains reward or score, in any case, or whose kind is reward or reward_component (reward_metrics); main as in main_metrics
-- note: parameters: at most 2000 samples
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column samples BIGINT: finite values, n
-- column theil_sen_slope DOUBLE: median slope (per step)
-- column pairs BIGINT: pairs of samples, n (n - 1) / 2
-- column completeness VARCHAR: verdict on the run's data, from runs
WITH parameters AS (
    SELECT 2000 AS most_samples
),
chosen AS (
    SELECT
        s.run_id,
        s.role,
        s.metric,
        s.samples,
        -- Names are long to group by: a number stands for each until the end.
        row_number() OVER (PARTITION BY s.run_id ORDER BY s.role ASC, s.metric ASC) AS series
    FROM series_v1 AS s
    LEFT JOIN main_metrics_v1 AS k
        ON k.run_id = s.run_id AND k.role = s.role AND k.metric = s.metric
        AND k.kind IN ('loss', 'entropy', 'kl', 'grad_norm')
    LEFT JOIN reward_metrics_v1 AS r
        ON r.run_id = s.run_id AND r.role = s.role AND r.metric = s.metric
    CROSS JOIN parameters AS p
    WHERE
        s.samples >= 2 AND s.samples <= p.most_samples
        AND (
            k.metric IS NOT NULL
            OR r.metric IS NOT NULL
        )
),
-- In units of 8, so that no difference of two slopes leaves the range of DOUBLE. Written out twice:
-- a filter by run does not reach the files of a relation that is read twice.
earlier AS (
    SELECT
        c.run_id,
        c.series,
        m.ord,
        CAST(m.step AS DOUBLE) AS step,
        m.value / 8 AS value
    FROM chosen AS c
    INNER JOIN metrics_v1 AS m
        ON m.run_id = c.run_id AND m.role = c.role AND m.metric = c.metric
    WHERE m.ord IS NOT NULL
),
later AS (
    SELECT
        c.run_id,
        c.series,
        m.ord,
        CAST(m.step AS DOUBLE) AS step,
        m.value / 8 AS value
    FROM chosen AS c
    INNER JOIN metrics_v1 AS m
        ON m.run_id = c.run_id AND m.role = c.role AND m.metric = c.metric
    WHERE m.ord IS NOT NULL
),
-- A constant needs no pairs.
varying AS (
    SELECT run_id, series
    FROM (
        SELECT c.run_id, c.series, min(m.value) AS low, max(m.value) AS high
        FROM chosen AS c
        INNER JOIN metrics_v1 AS m
            ON m.run_id = c.run_id AND m.role = c.role AND m.metric = c.metric
        WHERE m.ord IS NOT NULL
        GROUP BY c.run_id, c.series
    ) AS ranges
    WHERE low < high
),
slopes AS (
    SELECT
        v.run_id,
        v.series,
        median((b.value - a.value) / NULLIF(b.step - a.step, 0)) * 8 AS slope
    FROM varying AS v
    INNER JOIN earlier AS a ON a.run_id = v.run_id AND a.series = v.series
    INNER JOIN later AS b
        ON b.run_id = a.run_id AND b.series = a.series AND b.ord > a.ord
    GROUP BY v.run_id, v.series
)
SELECT
    c.run_id,
    c.role,
    c.metric,
    c.samples,
    CASE
        WHEN s.run_id IS NULL THEN 0e0
        WHEN abs(s.slope) <= 1.7976931348623157e308 THEN s.slope
    END AS theil_sen_slope,
    c.samples * (c.samples - 1) // 2 AS pairs,
    r.completeness
FROM chosen AS c
LEFT JOIN slopes AS s ON s.run_id = c.run_id AND s.series = c.series
LEFT JOIN runs_v1 AS r ON r.run_id = c.run_id AND r.role = c.role
