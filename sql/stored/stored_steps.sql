-- The parts of steps that a live row names; see stored_runs for the names in the path,
-- and stored_metrics for the order in FROM.
-- Parts of an earlier version have no first_timestamp: the SELECT of no rows gives it a type where none has.
SELECT run_id, role, step, timestamp, runtime, log_rows, first_timestamp
FROM (SELECT unnest(parts) AS part FROM stored_runs) AS live
JOIN (
    SELECT *, url_decode(parse_path(filename)[-2][8:]) AS run_id, parse_path(filename)[-3][6:] AS role
    FROM (
        SELECT *
        FROM read_parquet({files}, hive_partitioning = false, filename = true, union_by_name = true)
        UNION ALL BY NAME
        SELECT CAST(NULL AS DOUBLE) AS first_timestamp WHERE false
    ) AS united
) AS stored ON stored._part = live.part
