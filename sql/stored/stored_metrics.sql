-- The parts of metrics that a live row names; see stored_runs for the names in the path.
-- The run rows come first in FROM, because DuckDB lists files in that order: what a row names was
-- there before the row, so the listing behind it has all of it.
SELECT run_id, role, metric, step, ord, value
FROM (SELECT unnest(parts) AS part FROM stored_runs) AS live
JOIN (
    SELECT *, url_decode(parse_path(filename)[-2][8:]) AS run_id, parse_path(filename)[-3][6:] AS role
    FROM read_parquet({files}, hive_partitioning = false, filename = true)
) AS stored ON stored._part = live.part
