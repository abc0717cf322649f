-- Metrics of runs along the time since each run's start (s).
SELECT m.run_id, m.metric, m.step, s.runtime AS x, m.value
FROM metrics AS m
JOIN (
    SELECT run_id, step, coalesce(runtime, timestamp - min(timestamp) OVER (PARTITION BY run_id)) AS runtime
    FROM steps
) AS s ON s.run_id = m.run_id AND s.step = m.step
WHERE m.run_id IN ({runs}) AND m.metric IN ({metrics}) AND s.runtime IS NOT NULL
ORDER BY m.run_id, m.metric, m.step
