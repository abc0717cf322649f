-- run_pairs: which orchestrator belongs to which trainer
-- row: an orchestrator and its trainer; a run that holds both sides is a pair with itself
-- formula: the pairs that were fixed by hand (fixed_pairs); then, of all other runs, the accepted rows of run_pair_candidates, which has the rules and every pair that was not accepted; a run is in at most one pair
-- column orchestrator_run_id VARCHAR: the orchestrator's run
-- column trainer_run_id VARCHAR: the trainer's run; the same one for a run of role shared or single
-- column score DOUBLE: points of the pair, 5 or more; NULL for one fixed by hand and for a run that holds both sides
-- column evidence VARCHAR: what the points are for
-- column rival_score DOUBLE: the best that another candidate of either run has or may have, at least 2 below; NULL where there is none
-- column start_gap DOUBLE: time between the starts (s)
-- column overlap_share DOUBLE: time both ran / duration of the shorter run
-- column joined_steps BIGINT: common steps that the data check saw
-- column trainer_first_steps BIGINT: those that the trainer logged before the orchestrator
-- column orchestrator_role VARCHAR: role of the orchestrator's run
-- column trainer_role VARCHAR: role of the trainer's run
WITH fixed AS (
    SELECT
        p.orchestrator_run_id,
        p.trainer_run_id,
        o.role AS orchestrator_role,
        t.role AS trainer_role
    FROM fixed_pairs_v1 AS p
    INNER JOIN runs_v1 AS o ON o.run_id = p.orchestrator_run_id
    INNER JOIN runs_v1 AS t ON t.run_id = p.trainer_run_id
)
SELECT
    orchestrator_run_id,
    trainer_run_id,
    CAST(NULL AS DOUBLE) AS score,
    'fixed by hand' AS evidence,
    CAST(NULL AS DOUBLE) AS rival_score,
    CAST(NULL AS DOUBLE) AS start_gap,
    CAST(NULL AS DOUBLE) AS overlap_share,
    CAST(NULL AS BIGINT) AS joined_steps,
    CAST(NULL AS BIGINT) AS trainer_first_steps,
    orchestrator_role,
    trainer_role
FROM fixed
UNION ALL
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
    r.run_id,
    r.run_id,
    CAST(NULL AS DOUBLE),
    'one run holds both sides',
    CAST(NULL AS DOUBLE),
    CAST(NULL AS DOUBLE),
    CAST(NULL AS DOUBLE),
    CAST(NULL AS BIGINT),
    CAST(NULL AS BIGINT),
    r.role,
    r.role
FROM runs_v1 AS r
LEFT JOIN fixed AS f ON f.orchestrator_run_id = r.run_id OR f.trainer_run_id = r.run_id
WHERE r.role IN ('shared', 'single') AND f.orchestrator_run_id IS NULL
