-- The pairs that a person fixed: a file each, which no row names, for it belongs to no generation.
SELECT orchestrator_run_id, trainer_run_id, fixed_at
FROM read_parquet({files}, hive_partitioning = false)
