-- masked_tokens: many tokens are left out of the loss, because sampler and trainer disagree too much about them
-- parameter least 0.1: mean over the last tenth of the steps from which it counts
-- parameter least_samples 10: values that it takes
-- says: {metric} is {last_mean} over the last tenth of the steps ({mean} over all): that share of tokens trains nothing
-- evidence: SELECT metric, initial, first_mean, last_mean, mean, max FROM training_dynamics WHERE trainer_run_id = {run_id} AND quantity = 'masked_share'
SELECT
    trainer_run_id AS run_id,
    'warning' AS severity,
    metric,
    initial,
    first_mean,
    last_mean,
    mean,
    max,
    samples
FROM training_dynamics_v1
WHERE
    quantity = 'masked_share'
    AND trainer_run_id IS NOT NULL
    AND last_mean >= $least
    AND samples >= $least_samples
