-- system_metrics: what W&B measured of the machines (GPU, CPU, memory, network, disk)
-- row: a value of a system metric
-- note: only where it was asked for: `dakota-wh ingest … --system`; W&B's local log has every value, its service gives samples
-- note: they have no training step; join them by time, against steps.timestamp or steps.runtime
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the name that W&B gives it, without a "system." before it: gpu.0.gpu, cpu, memory_percent
-- column label VARCHAR: which of several processes of one run measured it (x_label in W&B's settings); NULL for the only one
-- column timestamp DOUBLE: when (s since 1970, UTC)
-- column runtime DOUBLE: seconds since the run's first start; NULL where that is not known
-- column value DOUBLE: the value
-- column sampled BOOLEAN: whether the source gave only samples of this metric's values
-- column text VARCHAR: JSON text of a value that a DOUBLE does not hold; NULL else
SELECT
    run_id,
    role,
    metric,
    label,
    timestamp,
    runtime,
    value,
    sampled,
    text
FROM stored_system
