-- odd_steps: the step is no whole number in some rows
-- note: where these are at most 5 %, they have no step and go by time (timed_metrics); where there are more, another key is the step
-- says: {step_evidence}
-- evidence: SELECT step_key, step_evidence, unstepped_rows, rows FROM runs WHERE run_id = {run_id}
SELECT
    run_id,
    'warning' AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    step_evidence,
    CAST(
        regexp_extract(step_evidence, 'is no whole number in ([0-9]+) of ([0-9]+) rows', 1)
        AS BIGINT
    ) AS odd_rows,
    CAST(
        regexp_extract(step_evidence, 'is no whole number in ([0-9]+) of ([0-9]+) rows', 2)
        AS BIGINT
    ) AS logged_rows,
    step_key,
    unstepped_rows
FROM runs_v1
WHERE step_evidence LIKE '%is no whole number in %'
