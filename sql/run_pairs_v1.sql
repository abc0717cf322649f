-- run_pairs: which orchestrator belongs to which trainer
-- row: an orchestrator and its trainer; a run that holds both sides is a pair with itself
-- formula: the accepted rows of run_pair_candidates, which has the rules and every pair that was not accepted; a run is in at most one pair
-- column orchestrator_run_id VARCHAR: the orchestrator's run
-- column trainer_run_id VARCHAR: the trainer's run; the same one for a run of role shared or single
-- column score DOUBLE: points of the pair, 5 or more; NULL for a run that holds both sides
-- column evidence VARCHAR: what the points are for
-- column rival_score DOUBLE: the best that another candidate of either run has or may have, at least 2 below; NULL where there is none
-- column start_gap DOUBLE: time between the starts (s)
-- column overlap_share DOUBLE: time both ran / duration of the shorter run
-- column joined_steps BIGINT: common steps that the data check saw
-- column trainer_first_steps BIGINT: those that the trainer logged before the orchestrator
-- column orchestrator_role VARCHAR: role of the orchestrator's run
-- column trainer_role VARCHAR: role of the trainer's run
SELECT
    orchestrator_run_id,
    trainer_run_id,
    score,
    evidence,
    rival_score,
    start_gap,
    overlap_share,
    joined_steps,
    trainer_first_steps,
    orchestrator_role,
    trainer_role
FROM run_pair_candidates_v1
WHERE accepted
UNION ALL
SELECT
    run_id,
    run_id,
    CAST(NULL AS DOUBLE),
    'one run holds both sides',
    CAST(NULL AS DOUBLE),
    CAST(NULL AS DOUBLE),
    CAST(NULL AS DOUBLE),
    CAST(NULL AS BIGINT),
    CAST(NULL AS BIGINT),
    role,
    role
FROM runs_v1
WHERE role IN ('shared', 'single')
