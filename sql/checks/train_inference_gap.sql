-- train_inference_gap: the engine that samples and the trainer disagree about the probability of the same tokens
-- parameter least 0.05: mean over the last tenth of the steps from which it counts
-- parameter least_samples 10: values that it takes
-- says: {metric} is {last_mean} over the last tenth of the steps (it began at {initial}): the two models differ
-- evidence: SELECT metric, initial, first_mean, last_mean, mean, max FROM training_dynamics WHERE trainer_run_id = {run_id} AND quantity = 'probs_gap'
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
    quantity = 'probs_gap'
    AND trainer_run_id IS NOT NULL
    AND abs(last_mean) >= $least
    AND samples >= $least_samples
