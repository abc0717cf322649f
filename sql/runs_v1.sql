-- runs: the runs of the warehouse, where each came from, and how complete it is
-- row: a run
-- note: the certificate (rows to completeness, evidence to warnings) says what every statistic of the run rests on
-- column run_id VARCHAR: the run's id in W&B
-- column role VARCHAR: orchestrator, trainer, shared (both wrote it), single (a framework that logs everything in one run), or unknown
-- column entity VARCHAR: W&B entity; NULL where the source does not say
-- column project VARCHAR: W&B project; NULL where the source does not say
-- column name VARCHAR: display name
-- column state VARCHAR: finished, running, failed, …; NULL where the source does not say
-- column created_at TIMESTAMP: when the run was made (UTC)
-- column source VARCHAR: kind of source that it was ingested from
-- column rows BIGINT: log rows stored
-- column first_step BIGINT: lowest step stored
-- column last_step BIGINT: highest step stored
-- column expected_rows BIGINT: log rows that there should be, by the source's own record; NULL where unknown
-- column completeness VARCHAR: the verdict: complete, growing, sampled, truncated or unknown
-- column ingested_at TIMESTAMP: when it was last ingested (UTC)
-- column steps BIGINT: distinct steps stored
-- column evidence VARCHAR: what the verdict rests on
-- column sampled VARCHAR: whether the source left out rows: yes, no or unknown
-- column gaps BIGINT: steps missing between the first and the last
-- column duplicate_steps BIGINT: steps at which several log rows logged the same key
-- column collapsed_rows BIGINT: log rows that were merged into a step of another row
-- column unstepped_rows BIGINT: log rows without a step (in history, not in metrics)
-- column lost_records BIGINT: records that the source holds but that could not be read
-- column step_key VARCHAR: the key that is the step
-- column step_evidence VARCHAR: why that key is the step
-- column role_evidence VARCHAR: why it has this role
-- column segments BIGINT: files or attempts that make up the run
-- column started_at DOUBLE: start: the first row's time minus its runtime (s since 1970, UTC)
-- column ended_at DOUBLE: time of the last row (s since 1970, UTC)
-- column run_group VARCHAR: W&B group
-- column job_type VARCHAR: W&B job type
-- column notes VARCHAR: W&B notes
-- column tags VARCHAR: W&B tags (JSON list)
-- column sweep_id VARCHAR: W&B sweep
-- column url VARCHAR: web address
-- column source_name VARCHAR: the file, folder or run path that was read
-- column lossy VARCHAR: what the source does not keep exactly (JSON list)
-- column warnings VARCHAR: what was odd at ingest (JSON list)
-- column dakota_wh VARCHAR: version of dakota-wh that wrote it
-- column generation BIGINT: how often the run was written anew
SELECT
    run_id,
    role,
    entity,
    project,
    name,
    state,
    created_at,
    source,
    rows,
    first_step,
    last_step,
    expected_rows,
    completeness,
    ingested_at,
    steps,
    evidence,
    sampled,
    gaps,
    duplicate_steps,
    collapsed_rows,
    unstepped_rows,
    lost_records,
    step_key,
    step_evidence,
    role_evidence,
    segments,
    started_at,
    ended_at,
    run_group,
    job_type,
    notes,
    tags,
    sweep_id,
    url,
    source_name,
    lossy,
    warnings,
    dakota_wh,
    generation
FROM stored_runs
