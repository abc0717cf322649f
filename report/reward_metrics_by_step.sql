-- Every metric of the runs whose name contains reward or score, along the training step.
SELECT m.run_id, m.metric, m.step, m.value
FROM metrics AS m
JOIN reward_stats AS s ON s.run_id = m.run_id AND s.metric = m.metric
WHERE m.run_id IN ({runs})
ORDER BY m.run_id, m.metric, m.step
