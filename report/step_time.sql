-- How long the steps take, how much of it is waiting, and what the throughput is.
SELECT run_id, samples, median, p95, max, max_step, total, spikes, batch_wait_share,
       weights_wait_share, wall_median, throughput_metric, throughput_median, throughput_min,
       throughput_max
FROM step_time
WHERE run_id IN ({runs})
ORDER BY run_id
