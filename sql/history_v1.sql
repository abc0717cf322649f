-- history: everything a run logged, one column per key, exactly as logged
-- row: a call of log()
-- note: NULL means not logged in this row; NaN and Infinity are what was logged
-- note: column K holds the numbers logged under K (booleans as 1 and 0); column K::json is the JSON text of every value that a DOUBLE does not hold: texts, lists, dicts, media, None as null, booleans, integers beyond 2^53
-- note: nested dicts are columns of dotted names; a key whose column is taken (Loss beside loss) gets ~2 behind it
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- rest: one column per key logged by any run, under the key's own name ("reward/mean"); what is not a number is JSON text, and where a key logged both, the text is in "KEY::json"
SELECT run_id, role, * EXCLUDE (run_id, role, _row, _part, _segment)
FROM stored_history
