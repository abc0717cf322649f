-- tables: every wandb.Table that a run logged, and whether its rows are here
-- row: a table that was logged under a key, at a step
-- note: only where it was asked for: `dakota-wh ingest … --tables`; the rows are in table_rows
-- note: state is stored (all rows of W&B's file), cut (stored; but W&B's client wrote only the first rows into the file, 10000 by default), empty (no rows), missing (no such file), forbidden, unreachable (ingest it again), damaged (not what was logged, by its SHA-256), malformed (no table in JSON), refused (its path leaves the run's folder), artifact (a joined or partitioned table, which only an artifact holds)
-- note: each incremental table holds the rows since the one before; a mutable one holds them all again
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column key VARCHAR: the key that it was logged under
-- column step BIGINT: training step of the row that logged it; NULL where that row has none
-- column rows BIGINT: rows stored; NULL where it could not be read
-- column columns BIGINT: columns of the table; NULL where it could not be read
-- column path VARCHAR: its file in the run
-- column sha256 VARCHAR: SHA-256 of the file, as it was logged
-- column state VARCHAR: stored, cut, empty, missing, forbidden, unreachable, damaged, malformed, refused or artifact
-- column why VARCHAR: why it is not stored whole; NULL where it is
-- column kind VARCHAR: what W&B calls it: table-file, incremental-table-file, joined-table, partitioned-table
-- column log_mode VARCHAR: IMMUTABLE, MUTABLE or INCREMENTAL; NULL before W&B had these
-- column logged_rows BIGINT: rows that the table had when it was logged; of an incremental one, in all its parts so far
-- column logged_columns BIGINT: columns that it had when it was logged
-- column size BIGINT: bytes of the file, as it was logged
-- column log_step BIGINT: W&B's own _step of the row that logged it
SELECT
    run_id,
    role,
    key,
    step,
    rows,
    columns,
    path,
    sha256,
    state,
    why,
    kind,
    log_mode,
    logged_rows,
    logged_columns,
    size,
    log_step
FROM stored_tables
