-- The parts of table_rows that a live row names, the columns of all tables united by name; see
-- stored_runs for the names in the path, and stored_metrics for the order in FROM. Which logged
-- table they are of is in tables, under the same content.
SELECT * EXCLUDE (filename, part)
FROM (SELECT unnest(parts) AS part FROM stored_runs) AS live
JOIN (
    SELECT *, url_decode(parse_path(filename)[-2][8:]) AS run_id, parse_path(filename)[-3][6:] AS role
    FROM read_parquet({files}, hive_partitioning = false, filename = true, union_by_name = true)
) AS stored ON stored._part = live.part
