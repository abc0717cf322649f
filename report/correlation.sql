-- Does the reward move with the update that is made from it, once the common trend is taken out?
SELECT orchestrator_run_id AS run_id, trainer_run_id, kind, metric, n, pearson, n_diff, pearson_diff
FROM reward_loss_correlation
WHERE orchestrator_run_id IN ({runs}) AND trainer_run_id IN ({runs}) AND lag = 0
ORDER BY orchestrator_run_id, kind, metric
