-- The parts of history that a live row names; the columns of all runs united by name.
SELECT *
FROM read_parquet({files}, hive_partitioning = true, hive_types_autocast = false, union_by_name = true)
WHERE _part IN (SELECT unnest(parts) FROM stored_runs)
