-- metric_directions: which way is good for a metric, where that can be said?
-- row: a metric of a run for which high or low is good
-- formula: high for a reward, a throughput, and a reward component with a positive weight in reward_components; low for a step time
-- note: a component without a weight, or with a negative one (a penalty), has no direction: whether its rise is good for the reward is not known, or it is not
-- note: a loss, entropy, KL, gradient norm, learning rate, length or truncation is neither good nor bad by itself
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column kind VARCHAR: what the metric is, from series
-- column better VARCHAR: high or low
SELECT
    s.run_id,
    s.role,
    s.metric,
    s.kind,
    CASE WHEN s.kind = 'step_time' THEN 'low' ELSE 'high' END AS better
FROM series_v1 AS s
LEFT JOIN reward_components_v1 AS c
    ON c.run_id = s.run_id AND c.role = s.role AND c.metric = s.metric
WHERE
    s.kind IN ('reward', 'throughput', 'step_time')
    OR (s.kind = 'reward_component' AND c.weight > 0)
