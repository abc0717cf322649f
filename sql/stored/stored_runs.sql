-- The live row of each run: of all its row files the highest generation, in whatever role.
-- The run's id and role are read from the file's own two folders. DuckDB's hive partitioning would
-- also take any name=value folder above the warehouse for a column, and let it win.
SELECT
  run_id, role, entity, project, name, run_group, job_type, notes, tags, sweep_id, url, state,
  created_at, source, source_name, rows, steps, first_step, last_step, expected_rows,
  completeness, evidence, sampled, gaps, duplicate_steps, collapsed_rows, unstepped_rows,
  lost_records, step_key, step_evidence, role_evidence, segments, started_at, ended_at, lossy,
  warnings, ingested_at, dakota_wh, generation, parts, layout
FROM (
    SELECT *, url_decode(parse_path(filename)[-2][8:]) AS run_id, parse_path(filename)[-3][6:] AS role
    FROM read_parquet({files}, hive_partitioning = false, filename = true)
) AS stored
QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY generation DESC, publication DESC) = 1
