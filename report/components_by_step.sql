-- The components of each run's reward along the training step.
SELECT m.run_id, m.metric, m.step, m.value
FROM metrics AS m
JOIN reward_components AS c ON c.run_id = m.run_id AND c.metric = m.metric
WHERE m.run_id IN ({runs})
ORDER BY m.run_id, m.metric, m.step
