-- run_gaps: which steps does a run miss, by its own stride?
-- row: a run with at least two steps
-- formula: the distances from each step to the next; where 90 % of them are the median one, that is the stride, else 1; a distance of k strides misses k - 1 steps
-- note: a run that logs every k steps misses none; gaps in runs counts every step that is not there
-- note: parameters: 90 % of the distances
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column stride BIGINT: steps from one to the next, as a rule
-- column missing BIGINT: steps missing between the first and the last
-- column widest BIGINT: the most missing in a row
-- column widest_after BIGINT: the step after which they are missing; NULL where none is
-- column first_step BIGINT: lowest step stored
-- column last_step BIGINT: highest step stored
WITH parameters AS (
    SELECT 0.9 AS regular_share
),
followed AS (
    SELECT
        run_id,
        role,
        step,
        lead(step) OVER (PARTITION BY run_id, role ORDER BY step ASC) AS next_step
    FROM steps_v1
),
distances AS (
    SELECT
        run_id,
        role,
        step,
        next_step,
        next_step - step AS distance
    FROM followed
    WHERE next_step IS NOT NULL
),
usual AS (
    SELECT run_id, role, CAST(floor(median(distance)) AS BIGINT) AS distance
    FROM distances
    GROUP BY run_id, role
),
strides AS (
    SELECT
        d.run_id,
        d.role,
        CASE
            WHEN avg(CASE WHEN d.distance = u.distance THEN 1 ELSE 0 END) >= max(p.regular_share)
                THEN max(u.distance)
            ELSE 1
        END AS stride
    FROM distances AS d
    INNER JOIN usual AS u ON u.run_id = d.run_id AND u.role = d.role
    CROSS JOIN parameters AS p
    GROUP BY d.run_id, d.role
),
missed AS (
    SELECT
        d.run_id,
        d.role,
        d.step,
        d.next_step,
        s.stride,
        d.distance // NULLIF(s.stride, 0) - 1 AS missing
    FROM distances AS d
    INNER JOIN strides AS s ON s.run_id = d.run_id AND s.role = d.role
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY run_id, role ORDER BY missing DESC, step ASC) AS place
    FROM missed
)
SELECT
    run_id,
    role,
    max(stride) AS stride,
    CAST(sum(greatest(missing, 0)) AS BIGINT) AS missing,
    max(missing) AS widest,
    max(CASE WHEN place = 1 AND missing > 0 THEN step END) AS widest_after,
    min(step) AS first_step,
    max(next_step) AS last_step
FROM ranked
GROUP BY run_id, role
