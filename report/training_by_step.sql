-- Reward, loss, entropy, KL and gradient norm of each run along the training step.
SELECT m.run_id, m.metric, k.kind, m.step, m.value
FROM metrics AS m
JOIN main_metrics AS k ON k.run_id = m.run_id AND k.metric = m.metric
WHERE m.run_id IN ({runs}) AND k.kind IN ('reward', 'loss', 'entropy', 'kl', 'grad_norm')
ORDER BY m.run_id, m.metric, m.step
