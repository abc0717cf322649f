-- length_collapse: the responses lost most of what the run began with while the reward rose
-- parameter least_drop 0.5: share lost, from the mean of the first tenth of the values to that of the last
-- parameter least_samples 20: values that it takes
-- says: {metric} fell from {initial} to {final} (tenths: {first_mean} to {last_mean}, {drop_share} lost) while {reward_metric} rose from {reward_first_mean} to {reward_last_mean}
-- evidence: SELECT quantity, metric, initial, final, first_mean, last_mean, drop_share FROM training_dynamics WHERE {run_id} IN (orchestrator_run_id, trainer_run_id) AND quantity IN ('response_length', 'reward')
SELECT
    d.orchestrator_run_id AS run_id,
    'warning' AS severity,
    d.metric,
    d.initial,
    d.final,
    d.first_mean,
    d.last_mean,
    d.drop_share,
    d.samples,
    r.metric AS reward_metric,
    r.first_mean AS reward_first_mean,
    r.last_mean AS reward_last_mean
FROM training_dynamics_v1 AS d
INNER JOIN training_dynamics_v1 AS r
    ON r.orchestrator_run_id = d.orchestrator_run_id
    AND r.trainer_run_id IS NOT DISTINCT FROM d.trainer_run_id
    AND r.quantity = 'reward'
WHERE
    d.quantity = 'response_length'
    AND d.first_mean > 0
    AND d.drop_share >= $least_drop
    AND d.samples >= $least_samples
    AND r.last_mean > r.first_mean
