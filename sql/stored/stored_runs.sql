-- The live row of each run: of all its row files the highest generation, in whatever role.
SELECT
  run_id, role, entity, project, name, run_group, job_type, notes, tags, sweep_id, url, state,
  created_at, source, source_name, rows, steps, first_step, last_step, expected_rows,
  completeness, evidence, sampled, gaps, duplicate_steps, collapsed_rows, unstepped_rows,
  lost_records, step_key, step_evidence, role_evidence, segments, started_at, ended_at, lossy,
  warnings, ingested_at, dakota_wh, generation, parts
FROM read_parquet({files}, hive_partitioning = true, hive_types_autocast = false)
QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY generation DESC, publication DESC) = 1
