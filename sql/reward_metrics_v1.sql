-- reward_metrics: which metrics of a run are reward metrics?
-- row: a reward metric of a run
-- formula: its name contains reward or score, in any case; or its kind is reward or reward_component (series), whatever its name, such as SB3's rollout/ep_rew_mean
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column kind VARCHAR: what the metric is, from series; NULL for many
SELECT run_id, role, metric, kind
FROM series_v1
WHERE
    lower(metric) LIKE '%reward%'
    OR lower(metric) LIKE '%score%'
    OR kind IN ('reward', 'reward_component')
