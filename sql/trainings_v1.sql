-- trainings: which runs are one training?
-- row: a run
-- formula: the two runs of a pair (run_pairs) are one training, every other run is one by itself
-- column training VARCHAR: the training's name: the orchestrator's run where it is a pair, else the run itself
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column side VARCHAR: which part of the training it logs: orchestrator, trainer, or both
-- column runs BIGINT: runs of the training, 1 or 2
WITH pairs AS (
    SELECT orchestrator_run_id, trainer_run_id, orchestrator_role, trainer_role
    FROM run_pairs_v1
    WHERE orchestrator_run_id <> trainer_run_id
),
sides AS (
    SELECT
        orchestrator_run_id AS training,
        orchestrator_run_id AS run_id,
        orchestrator_role AS role,
        'orchestrator' AS side
    FROM pairs
    UNION ALL
    SELECT orchestrator_run_id, trainer_run_id, trainer_role, 'trainer'
    FROM pairs
)
SELECT
    coalesce(s.training, r.run_id) AS training,
    r.run_id,
    r.role,
    CASE
        WHEN s.side IS NOT NULL THEN s.side
        WHEN r.role IN ('orchestrator', 'trainer') THEN r.role
        ELSE 'both'
    END AS side,
    CAST(CASE WHEN s.training IS NULL THEN 1 ELSE 2 END AS BIGINT) AS runs
FROM runs_v1 AS r
LEFT JOIN sides AS s ON s.run_id = r.run_id AND s.role = r.role
