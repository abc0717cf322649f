-- metric_frames: where each metric lies and how it is cut, for the statistics built on it
-- row: a metric of a run with a finite value
-- formula: a value in the metric's frame is (value / unit - centre) / spread: 0 is the median, 1 the value farthest from it
-- note: in its frame no square of a value leaves DOUBLE's range, equal values stay equal, and a plateau at the median is exactly 0, whatever the metric's size and outliers
-- note: unit is 2^600 where a value is beyond 1e100, so that no sum overflows, as in metric_stats; dividing by it is exact
-- note: parameters: the tail is the last quarter, at least 10 values
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column samples BIGINT: finite values, n
-- column first_step BIGINT: step of the first finite value
-- column last_step BIGINT: step of the last finite value
-- column low DOUBLE: least value
-- column high DOUBLE: greatest value
-- column unit DOUBLE: 1, or 2^600
-- column centre DOUBLE: median / unit
-- column spread DOUBLE: largest distance of a value from the median, in units; 0 for a constant
-- column half BIGINT: values in the first half, n // 2
-- column tail BIGINT: values in the tail
WITH parameters AS (
    SELECT
        4 AS tail_divisor,
        10 AS least_tail
),
ranges AS (
    SELECT
        run_id,
        role,
        metric,
        count(*) AS samples,
        min(step) AS first_step,
        max(step) AS last_step,
        min(value) AS low,
        max(value) AS high,
        median(CASE WHEN abs(value) <= 1e100 THEN value END) AS middle,
        median(value / 4.149515568880993e180) AS huge_middle
    FROM metrics_v1
    WHERE ord IS NOT NULL
    GROUP BY run_id, role, metric
),
centred AS (
    SELECT
        *,
        CASE
            WHEN greatest(abs(low), abs(high)) <= 1e100 THEN 1e0 ELSE 4.149515568880993e180
        END AS unit,
        CASE
            WHEN greatest(abs(low), abs(high)) <= 1e100 THEN middle ELSE huge_middle
        END AS centre
    FROM ranges
)
SELECT
    c.run_id,
    c.role,
    c.metric,
    c.samples,
    c.first_step,
    c.last_step,
    c.low,
    c.high,
    c.unit,
    c.centre,
    greatest(c.high / NULLIF(c.unit, 0) - c.centre, c.centre - c.low / NULLIF(c.unit, 0)) AS spread,
    c.samples // 2 AS half,
    least(c.samples, greatest(p.least_tail, c.samples // NULLIF(p.tail_divisor, 0))) AS tail
FROM centred AS c
CROSS JOIN parameters AS p
