-- Metrics of a run along the tokens that were counted so far.
SELECT m.run_id, m.metric, m.step, t.value AS x, m.value
FROM metrics AS m
JOIN metrics AS t ON t.step = m.step AND t.run_id = {token_run} AND t.metric = {token_metric}
WHERE m.run_id = {run} AND m.metric IN ({metrics}) AND isfinite(t.value)
ORDER BY m.run_id, m.metric, m.step
