-- metric_parts: each metric as a few means of equal parts, which noise moves less than single values
-- row: a part of a metric with more than 10 samples
-- formula: the values in step order are cut into parts as ntile cuts them: equal, the first ones one larger where they do not divide
-- note: scope whole: 20 parts of all values; tail: 10 parts of the last quarter (metric_frames); first_half, second_half: 10 batches of each half, equal, what is over at the end of a half left out
-- note: fewer values than parts make as many parts; a half of fewer values than batches makes none
-- note: parameters: 20, 10, 10; more than 10 samples
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column scope VARCHAR: whole, tail, first_half or second_half
-- column part BIGINT: from 0, in step order
-- column samples BIGINT: values in the part
-- column step DOUBLE: their mean step
-- column value DOUBLE: their mean
-- column relative DOUBLE: their mean in the metric's frame (metric_frames)
-- column size DOUBLE: mean distance from the median, in the frame
-- column series BIGINT: number of the metric within the run: shorter to join and group by than its name, and good within one query
WITH parameters AS (
    SELECT
        10 AS more_samples_than,
        20 AS whole_parts,
        10 AS tail_parts,
        10 AS batches
),
scopes AS (
    SELECT 'whole' AS scope
    UNION ALL
    SELECT 'tail'
    UNION ALL
    SELECT 'first_half'
    UNION ALL
    SELECT 'second_half'
),
-- Names are long to group by: a number stands for each until the end.
frames AS (
    SELECT
        run_id,
        role,
        metric,
        samples,
        first_step,
        low,
        high,
        unit,
        centre,
        spread,
        half,
        tail,
        row_number() OVER (PARTITION BY run_id ORDER BY role ASC, metric ASC) AS series
    FROM metric_frames_v1
),
-- A range of the values by scope: from ord start on, into parts of size values, the first larger
-- ones of which have one value more.
ranges AS (
    SELECT
        f.run_id,
        f.role,
        f.metric,
        f.series,
        f.first_step,
        f.low,
        f.high,
        f.unit,
        f.centre,
        f.spread,
        s.scope,
        CASE
            WHEN s.scope = 'tail' THEN f.samples - f.tail
            WHEN s.scope = 'second_half' THEN f.half
            ELSE 0
        END AS start,
        CASE
            WHEN s.scope = 'whole' THEN p.whole_parts
            WHEN s.scope = 'tail' THEN p.tail_parts
            ELSE p.batches
        END AS parts,
        CASE
            WHEN s.scope = 'whole' THEN f.samples
            WHEN s.scope = 'tail' THEN f.tail
            WHEN s.scope = 'first_half' THEN f.half - f.half % NULLIF(p.batches, 0)
            ELSE (f.samples - f.half) - (f.samples - f.half) % NULLIF(p.batches, 0)
        END AS length
    FROM frames AS f
    CROSS JOIN scopes AS s
    CROSS JOIN parameters AS p
    WHERE f.samples > p.more_samples_than
),
sized AS (
    SELECT
        *,
        length // NULLIF(parts, 0) AS size,
        length % NULLIF(parts, 0) AS larger
    FROM ranges
),
placed AS (
    SELECT
        s.run_id,
        s.role,
        s.metric,
        s.scope,
        s.series,
        s.low,
        s.high,
        s.unit,
        s.centre,
        s.spread,
        s.first_step,
        CAST(m.step AS DOUBLE) - CAST(s.first_step AS DOUBLE) AS x,
        coalesce((m.value / NULLIF(s.unit, 0) - s.centre) / NULLIF(s.spread, 0), 0e0) AS y,
        CASE
            WHEN m.ord - s.start < s.larger * (s.size + 1)
                THEN (m.ord - s.start) // NULLIF(s.size + 1, 0)
            ELSE
                s.larger
                + (m.ord - s.start - s.larger * (s.size + 1)) // NULLIF(s.size, 0)
        END AS part
    FROM sized AS s
    INNER JOIN metrics_v1 AS m
        ON m.run_id = s.run_id AND m.role = s.role AND m.metric = s.metric
    WHERE m.ord >= s.start AND m.ord < s.start + s.length
),
averaged AS (
    SELECT
        run_id,
        series,
        scope,
        part,
        min(role) AS role,
        min(metric) AS metric,
        min(low) AS low,
        min(high) AS high,
        min(unit) AS unit,
        min(centre) AS centre,
        min(spread) AS spread,
        min(first_step) AS first_step,
        count(*) AS samples,
        avg(x) AS x,
        avg(y) AS y,
        avg(abs(y)) AS size
    FROM placed
    GROUP BY run_id, series, scope, part
)
SELECT
    run_id,
    role,
    metric,
    scope,
    part,
    samples,
    first_step + x AS step,
    greatest(least((centre + y * spread) * unit, high), low) AS value,
    y AS relative,
    size,
    series
FROM averaged
