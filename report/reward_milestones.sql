-- When each run's main reward got 25, 50, 75 and 90 % of its gain.
SELECT r.run_id, r.metric, r.milestone, r.target, r.step, r.value, r.robust_target, r.robust_step,
       r.robust_value
FROM reward_milestones AS r
JOIN main_metrics AS k ON k.run_id = r.run_id AND k.metric = r.metric
WHERE r.run_id IN ({runs}) AND k.kind = 'reward'
ORDER BY r.run_id, r.metric, r.milestone
