-- missing_steps: steps are missing between the first and the last
-- note: a run that logs every k steps misses none: where 90 % of the distances are the median one, that is the stride, else 1
-- says: {missing} steps are missing between {first_step} and {last_step}, the most after step {widest_after} ({widest} in a row)
-- evidence: SELECT step, next - step AS distance FROM (SELECT step, lead(step) OVER (ORDER BY step) AS next FROM steps WHERE run_id = {run_id}) WHERE next - step > {stride} ORDER BY distance DESC
SELECT
    g.run_id,
    CASE WHEN r.sampled = 'yes' THEN 'info' ELSE 'warning' END AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    g.missing,
    g.first_step,
    g.last_step,
    g.widest,
    g.widest_after,
    g.stride
FROM run_gaps_v1 AS g
INNER JOIN runs_v1 AS r ON r.run_id = g.run_id AND r.role = g.role
WHERE g.missing > 0
