-- unknown_role: nothing tells which part of a training the run is, so that nothing joins it to another
-- note: the rules that ask about one side of a training apply to it by the kinds of its metrics
-- says: its role is unknown ({role_evidence}); decide it: dakota-wh ingest SOURCE --role orchestrator, trainer, shared or single
-- evidence: SELECT role, role_evidence, name, source, source_name FROM runs WHERE run_id = {run_id}
SELECT
    run_id,
    CASE WHEN rows > 0 THEN 'warning' ELSE 'info' END AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    role_evidence,
    source,
    source_name
FROM runs_v1
WHERE role = 'unknown'
