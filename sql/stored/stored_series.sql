-- The parts of series that a live row names.
SELECT run_id, role, metric, writer, kind, kind_rank, samples, nonfinite, first_step, last_step
FROM read_parquet({files}, hive_partitioning = true, hive_types_autocast = false)
WHERE _part IN (SELECT unnest(parts) FROM stored_runs)
