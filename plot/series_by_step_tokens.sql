-- Metrics of a run along the running sum of the tokens of each step.
SELECT m.run_id, m.metric, m.step, t.tokens AS x, m.value
FROM metrics AS m
JOIN (
    SELECT step, sum(value) OVER (ORDER BY step) AS tokens
    FROM metrics
    WHERE run_id = {token_run} AND metric = {token_metric} AND isfinite(value)
) AS t ON t.step = m.step
WHERE m.run_id = {run} AND m.metric IN ({metrics})
ORDER BY m.run_id, m.metric, m.step
