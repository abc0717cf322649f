-- files: the files that a run saved, and the artifacts that it logged or used
-- row: a file or an artifact
-- note: only where it was asked for: `dakota-wh ingest … --files`; the contents stay where they are
-- note: a local log does not know an artifact's version, which W&B's service gives
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column kind VARCHAR: file or artifact
-- column name VARCHAR: a file's path in the run, an artifact's name
-- column type VARCHAR: a file's media type, an artifact's type (model, dataset, run_table)
-- column version BIGINT: an artifact's version, 0 for v0; NULL for a file, or where it is not known
-- column size BIGINT: bytes; NULL where that is not known
-- column digest VARCHAR: a file's MD5 in base64, as W&B gives it (from a local log for files up to 64 MiB); an artifact's digest
-- column relation VARCHAR: saved (a file), logged or used (an artifact)
-- column files BIGINT: how many files are in an artifact; NULL for a file
-- column aliases VARCHAR: an artifact's aliases (JSON list); NULL for a file
-- column changed_at TIMESTAMP: when a file was last written, an artifact made (UTC); NULL where that is not known
SELECT
    run_id,
    role,
    kind,
    name,
    type,
    version,
    size,
    digest,
    relation,
    files,
    aliases,
    changed_at
FROM stored_files
