-- Settings that runs of one role do not share: other values, or not there in each. A number is the same
-- however it was written (8 and 8.0), as in compare.
WITH settings AS (
    SELECT role, key, run_id, text,
           CASE WHEN abs(value) < 9007199254740992 AND value = floor(value)
                THEN CAST(CAST(value AS BIGINT) AS VARCHAR)
                WHEN abs(value) < 9007199254740992 THEN CAST(value AS VARCHAR)
                ELSE coalesce(text, 'null') END AS said
    FROM config
    WHERE run_id IN ({runs})
)
SELECT role, key, run_id, text AS setting
FROM settings
WHERE (role, key) IN (
    SELECT role, key
    FROM settings
    GROUP BY role, key
    HAVING count(DISTINCT said) > 1
        OR count(*) < (SELECT count(*) FROM runs AS r WHERE r.run_id IN ({runs}) AND r.role = settings.role)
)
ORDER BY role, key, run_id
