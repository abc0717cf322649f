-- What each run's reward is made of, with the weights that its values imply.
SELECT run_id, metric, weight, contribution, share, state, dead, r2, residual, reward_metric,
       assumed_weight_left, evidence
FROM reward_components
WHERE run_id IN ({runs})
ORDER BY run_id, metric
