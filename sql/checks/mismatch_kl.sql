-- mismatch_kl: sampler and trainer are far apart
-- parameter least 1.0: mean over the last tenth of the steps from which it counts
-- parameter least_samples 10: values that it takes
-- says: {metric} is {last_mean} over the last tenth of the steps (it began at {initial}): the sampler is far from the trainer
-- evidence: SELECT metric, initial, first_mean, last_mean, mean, max FROM training_dynamics WHERE trainer_run_id = {run_id} AND quantity = 'kl'
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
    quantity = 'kl'
    AND trainer_run_id IS NOT NULL
    AND last_mean >= $least
    AND metric LIKE '%mismatch_kl%'
    AND samples >= $least_samples
