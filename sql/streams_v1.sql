-- streams: which optional streams each run has (--system, --files, --tables), and how complete each is
-- row: a stream of a run that was asked for
-- note: a run without a row for a stream was never asked for it
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column stream VARCHAR: system, files or tables
-- column state VARCHAR: complete, or partial: something of it could not be had, see evidence
-- column rows BIGINT: rows stored: values of system metrics; files and artifacts; rows of all logged tables
-- column sampled VARCHAR: yes where the source gives only samples (W&B's service of system metrics), else no
-- column evidence VARCHAR: what state and sampled rest on
-- column source VARCHAR: kind of source that it was read from
-- column source_name VARCHAR: the file, folder or run path that was read
-- column fetched_at TIMESTAMP: when it was last found changed (UTC)
SELECT
    run_id,
    role,
    stream,
    state,
    rows,
    sampled,
    evidence,
    source,
    source_name,
    fetched_at
FROM stored_streams
