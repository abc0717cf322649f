-- What a person wants to know first about each run.
SELECT run_id, role, name, state, steps, last_step, duration, partner_run_id, reward_metric,
       reward_first_half, reward_second_half, reward_last, reward_last_samples, reward_max,
       reward_max_step, loss_last, loss_last_samples, entropy_last, entropy_last_samples, kl_last,
       kl_last_samples, response_length_last, response_length_last_samples, step_time_median,
       metrics, dead_metrics, nonfinite
FROM run_overview
WHERE run_id IN ({runs})
ORDER BY run_id
