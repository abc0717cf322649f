-- sampled: the source left out rows, so that every statistic rests on a part of the run
-- says: the source is sampled, {rows} rows are here: {certificate}
-- evidence: SELECT completeness, evidence, sampled, rows, expected_rows, gaps FROM runs WHERE run_id = {run_id}
SELECT
    run_id,
    'warning' AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    rows,
    expected_rows,
    gaps,
    evidence AS certificate
FROM runs_v1
WHERE sampled = 'yes' OR completeness = 'sampled'
