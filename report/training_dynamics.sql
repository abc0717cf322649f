-- What happened to each quantity from its first tenth to its last.
SELECT coalesce(orchestrator_run_id, trainer_run_id) AS run_id, quantity, metric, samples, first_mean,
       last_mean, difference, drop_share, min, max
FROM training_dynamics
WHERE orchestrator_run_id IN ({runs}) OR trainer_run_id IN ({runs})
ORDER BY orchestrator_run_id, trainer_run_id, quantity
