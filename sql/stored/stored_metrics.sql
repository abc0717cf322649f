-- The parts of metrics that a live row names.
SELECT run_id, role, metric, step, ord, value
FROM read_parquet({files}, hive_partitioning = true, hive_types_autocast = false)
WHERE _part IN (SELECT unnest(parts) FROM stored_runs)
