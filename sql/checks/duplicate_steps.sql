-- duplicate_steps: several log rows logged the same key at one step; the last is what counts
-- note: a run that two processes write does that by design, where both log a key of one name
-- parameter warning_share 0.1: share of the steps above which it is a warning, and not a remark: an evaluation may log a key again
-- says: at {duplicate_steps} of {steps} steps a key was logged more than once; the last value counts
-- evidence: SELECT step, log_rows FROM steps WHERE run_id = {run_id} AND log_rows > 1 ORDER BY step
SELECT
    run_id,
    CASE
        WHEN role <> 'shared' AND duplicate_steps > $warning_share * steps THEN 'warning'
        ELSE 'info'
    END AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    duplicate_steps,
    steps,
    collapsed_rows,
    step_key
FROM runs_v1
WHERE duplicate_steps > 0
