-- Settings of one name that the two runs of a training have with different values; 8 and 8.0 are one.
SELECT o.key, o.text AS of_orchestrator, t.text AS of_trainer
FROM config AS o
JOIN config AS t
  ON t.key = o.key AND t.text IS DISTINCT FROM o.text
 AND (o.value IS NULL OR t.value IS NULL OR o.value <> t.value OR abs(o.value) >= 9007199254740992)
WHERE o.run_id = {orchestrator} AND t.run_id = {trainer}
ORDER BY o.key
