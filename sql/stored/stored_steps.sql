-- The parts of steps that a live row names.
SELECT run_id, role, step, timestamp, runtime, log_rows
FROM read_parquet({files}, hive_partitioning = true, hive_types_autocast = false)
WHERE _part IN (SELECT unnest(parts) FROM stored_runs)
