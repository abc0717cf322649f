-- How complete each run is, and by what evidence.
SELECT r.run_id, r.role, r.completeness, r.rows, r.expected_rows, r.steps, r.first_step,
       r.last_step, coalesce(g.missing, 0) AS gaps, r.duplicate_steps, r.unstepped_rows,
       r.lost_records, r.sampled, r.source, r.source_name, r.evidence, r.warnings, r.lossy
FROM runs AS r
LEFT JOIN run_gaps AS g ON g.run_id = r.run_id AND g.role = r.role
WHERE r.run_id IN ({runs})
ORDER BY r.run_id
