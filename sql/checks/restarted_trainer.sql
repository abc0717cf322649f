-- restarted_trainer: several trainers cover an orchestrator's steps one after the other, so that none of them is its pair
-- says: {trainers} trainers ran one after the other and share its steps: {names}. None is its pair, so no view joins its rewards with a loss; dakota-wh pair {orchestrator} TRAINER fixes one
-- evidence: SELECT trainer_run_id, score, joined_steps, decision, evidence FROM run_pair_candidates WHERE orchestrator_run_id = {run_id} AND restarted
SELECT
    orchestrator_run_id AS run_id,
    'warning' AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    count(*) AS trainers,
    string_agg(trainer_run_id, ', ' ORDER BY trainer_run_id) AS names,
    CAST(sum(joined_steps) AS BIGINT) AS joined_steps,
    orchestrator_run_id AS orchestrator
FROM run_pair_candidates_v1
WHERE restarted
GROUP BY orchestrator_run_id
