-- How complete each run is, and by what evidence.
SELECT run_id, role, completeness, rows, expected_rows, steps, first_step, last_step, gaps,
       duplicate_steps, unstepped_rows, lost_records, sampled, source, source_name, evidence,
       warnings, lossy
FROM runs
WHERE run_id IN ({runs})
ORDER BY run_id
