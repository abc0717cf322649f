-- When a reward metric got 25, 50, 75 and 90 % of its gain.
SELECT metric, milestone, target, step, value, robust_step
FROM reward_milestones
WHERE run_id = {run} AND metric = {metric}
ORDER BY milestone
