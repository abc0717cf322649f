-- missing_steps: steps are missing between the first and the last
-- note: a run that logs every k steps misses none: where most distances are the median one, that is the stride, else 1
-- parameter regular_share 0.9: share of the distances that makes the median one the stride
-- says: {missing} steps are missing between {first_step} and {last_step}, the most after step {widest_after} ({widest} in a row)
-- evidence: SELECT step, next - step AS distance FROM (SELECT step, lead(step) OVER (ORDER BY step) AS next FROM steps WHERE run_id = {run_id}) WHERE next - step > {stride} ORDER BY distance DESC
WITH distances AS (
    SELECT
        run_id,
        role,
        step,
        lead(step) OVER (PARTITION BY run_id, role ORDER BY step) - step AS distance
    FROM steps_v1
),
strides AS (
    SELECT
        d.run_id,
        d.role,
        CASE WHEN avg(CASE WHEN d.distance = m.usual THEN 1 ELSE 0 END) >= $regular_share
            THEN m.usual ELSE 1 END AS stride
    FROM distances AS d
    INNER JOIN (
        SELECT run_id, role, CAST(floor(median(distance)) AS BIGINT) AS usual
        FROM distances
        WHERE distance IS NOT NULL
        GROUP BY run_id, role
    ) AS m ON m.run_id = d.run_id AND m.role = d.role
    WHERE d.distance IS NOT NULL
    GROUP BY d.run_id, d.role, m.usual
)
SELECT
    d.run_id,
    CASE WHEN any_value(r.sampled) = 'yes' THEN 'info' ELSE 'warning' END AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    CAST(sum(d.distance // s.stride - 1) AS BIGINT) AS missing,
    any_value(r.first_step) AS first_step,
    any_value(r.last_step) AS last_step,
    max(d.distance // s.stride) - 1 AS widest,
    arg_max(d.step, d.distance) AS widest_after,
    any_value(s.stride) AS stride
FROM distances AS d
INNER JOIN strides AS s ON s.run_id = d.run_id AND s.role = d.role
INNER JOIN runs_v1 AS r ON r.run_id = d.run_id AND r.role = d.role
WHERE d.distance >= 2 * s.stride
GROUP BY d.run_id, d.role
