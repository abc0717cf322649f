-- The parts of series that a live row names; see stored_runs for the names in the path,
-- and stored_metrics for the order in FROM.
-- Parts of an earlier version have no axis: the SELECT of no rows gives it a type where none has.
SELECT run_id, role, metric, writer, kind, kind_rank, samples, nonfinite, first_step, last_step, axis
FROM (SELECT unnest(parts) AS part FROM stored_runs) AS live
JOIN (
    SELECT *, url_decode(parse_path(filename)[-2][8:]) AS run_id, parse_path(filename)[-3][6:] AS role
    FROM (
        SELECT *
        FROM read_parquet({files}, hive_partitioning = false, filename = true, union_by_name = true)
        UNION ALL BY NAME
        SELECT CAST(NULL AS VARCHAR) AS axis WHERE false
    ) AS united
) AS stored ON stored._part = live.part
