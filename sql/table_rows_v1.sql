-- table_rows: what stands in the logged tables: rollout samples with prompt, completion and reward, say
-- row: a row of a logged table
-- note: only where it was asked for: `dakota-wh ingest … --tables`
-- note: column C holds the numbers of the tables' column C; column C::json is the JSON text of every other cell (texts, lists, dicts, media, None as null); the plain text is "C::json" ->> '$' in DuckDB
-- note: a column of a table that is called like one of this view (step, key) gets ~2 behind it: "step~2"
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column key VARCHAR: the key that the table was logged under
-- column step BIGINT: training step at which it was logged
-- column row_number BIGINT: the row in its table, from 0
-- rest: one column per column of any table, under its own name, and "NAME::json" where it holds what is no number; NULL where this row's table has no such column
SELECT * EXCLUDE (content)
FROM (
    SELECT run_id, role, key, step, content
    FROM stored_tables
    WHERE content IS NOT NULL
) AS logged
JOIN (
    SELECT row_number, content, * EXCLUDE (run_id, role, row_number, content, _part)
    FROM stored_table_rows
) AS stored USING (content)
