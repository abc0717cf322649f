-- fixed_pairs: the pairs that a person fixed with `dakota-wh pair ORCHESTRATOR TRAINER`
-- row: a fixed pair, also one of whose runs is not in the warehouse now
-- column orchestrator_run_id VARCHAR: the orchestrator's run
-- column trainer_run_id VARCHAR: the trainer's run
-- column fixed_at TIMESTAMP: when it was fixed (UTC)
SELECT orchestrator_run_id, trainer_run_id, fixed_at
FROM stored_pairs
