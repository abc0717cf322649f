-- The parts of history that a live row names, the columns of all runs united by name; see
-- stored_runs for the names in the path. Rows come out in the order of logging: IS TRUE keeps
-- DuckDB from turning the filter into a join that hashes the history itself and shuffles it.
-- The first SELECT has no rows. It makes DuckDB list the run rows before the files of history, see
-- stored_metrics.
WITH live AS MATERIALIZED (SELECT unnest(parts) AS part FROM stored_runs)
SELECT CAST(NULL AS VARCHAR) AS run_id FROM live WHERE false
UNION ALL BY NAME
SELECT
  run_id, role, _step, _runtime, _timestamp,
  * EXCLUDE (run_id, role, _step, _runtime, _timestamp, filename)
FROM (
    SELECT *, url_decode(parse_path(filename)[-2][8:]) AS run_id, parse_path(filename)[-3][6:] AS role
    FROM read_parquet({files}, hive_partitioning = false, filename = true, union_by_name = true)
) AS stored
WHERE (_part IN (SELECT part FROM live)) IS TRUE
