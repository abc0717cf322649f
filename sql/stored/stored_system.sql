-- The parts of system that a live row names; see stored_runs for the names in the path,
-- and stored_metrics for the order in FROM.
SELECT run_id, role, metric, label, timestamp, runtime, value, text, sampled
FROM (SELECT unnest(parts) AS part FROM stored_runs) AS live
JOIN (
    SELECT *, url_decode(parse_path(filename)[-2][8:]) AS run_id, parse_path(filename)[-3][6:] AS role
    FROM read_parquet({files}, hive_partitioning = false, filename = true)
) AS stored ON stored._part = live.part
