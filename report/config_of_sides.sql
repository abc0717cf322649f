-- Settings of one name that the two runs of a training have with different values.
SELECT o.key, o.text AS of_orchestrator, t.text AS of_trainer
FROM config AS o
JOIN config AS t ON t.key = o.key AND t.text IS DISTINCT FROM o.text
WHERE o.run_id = {orchestrator} AND t.run_id = {trainer}
ORDER BY o.key
