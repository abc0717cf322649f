-- incomplete: what is stored is not, or not known to be, the whole run
-- says: the history is {completeness}: {certificate}
-- evidence: SELECT completeness, evidence, rows, expected_rows, last_step, lost_records, state FROM runs WHERE run_id = {run_id}
SELECT
    run_id,
    CASE
        WHEN completeness = 'truncated' OR lost_records > 0 THEN 'error'
        ELSE 'info'
    END AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    completeness,
    evidence AS certificate,
    rows,
    expected_rows,
    last_step,
    lost_records
FROM runs_v1
WHERE completeness IN ('truncated', 'growing', 'unknown') OR lost_records > 0
