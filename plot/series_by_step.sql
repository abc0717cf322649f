-- Metrics of runs along the training step.
SELECT run_id, metric, step, value
FROM metrics
WHERE run_id IN ({runs}) AND metric IN ({metrics})
ORDER BY run_id, metric, step
