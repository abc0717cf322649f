-- Settings that runs of one role do not share: other values, or not there in each.
SELECT role, key, run_id, text AS setting
FROM config
WHERE run_id IN ({runs})
  AND (role, key) IN (
    SELECT role, key
    FROM config
    WHERE run_id IN ({runs})
    GROUP BY role, key
    HAVING count(DISTINCT text) > 1
        OR count(*) < (SELECT count(*) FROM runs AS r WHERE r.run_id IN ({runs}) AND r.role = config.role)
  )
ORDER BY role, key, run_id
