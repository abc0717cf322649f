-- project_values: what do the runs of a project reach, kind by kind?
-- row: a kind that runs of an entity, project and role have a main metric of (main_metrics)
-- formula: a run's value is the mean of the last finite values of its main metric of the kind, the last tenth of them, at least 1 and at most 100
-- note: runs without entity or project are taken together; a metric with no finite value, or one beyond 1e100, is left out
-- note: runs of different length, data or reward are taken together all the same; run_comparison has each
-- note: parameters: a tenth, 100 values
-- column entity VARCHAR: W&B entity
-- column project VARCHAR: W&B project
-- column role VARCHAR: role of the runs
-- column kind VARCHAR: reward, loss, entropy, kl, grad_norm, lr, response_length, truncation, throughput or step_time
-- column runs BIGINT: how many runs have a value
-- column mean DOUBLE: mean of their values
-- column std DOUBLE: sample standard deviation of their values (n - 1); NULL for one run
-- column median DOUBLE: median of their values
-- column lowest DOUBLE: the lowest value
-- column highest DOUBLE: the highest value
-- column lowest_run_id VARCHAR: a run that has the lowest value
-- column highest_run_id VARCHAR: a run that has the highest value
WITH parameters AS (
    SELECT
        100 AS last_values,
        10 AS last_divisor
),
valued AS (
    SELECT
        k.run_id,
        k.role,
        k.kind,
        avg(m.value * k.sign) FILTER (WHERE abs(m.value) <= 1e100) AS value,
        max(abs(m.value)) AS peak
    FROM main_metrics_v1 AS k
    INNER JOIN metrics_v1 AS m
        ON m.run_id = k.run_id AND m.role = k.role AND m.metric = k.metric
    CROSS JOIN parameters AS p
    WHERE
        m.ord >= k.samples - least(
            p.last_values, greatest(k.samples // NULLIF(p.last_divisor, 0), 1)
        )
    GROUP BY k.run_id, k.role, k.kind
),
ranged AS (
    SELECT
        r.entity,
        r.project,
        v.run_id,
        v.role,
        v.kind,
        v.value,
        max(v.value) OVER peers AS highest,
        min(v.value) OVER peers AS lowest
    FROM valued AS v
    INNER JOIN runs_v1 AS r ON r.run_id = v.run_id AND r.role = v.role
    WHERE v.peak <= 1e100
    WINDOW peers AS (PARTITION BY r.entity, r.project, v.role, v.kind)
)
SELECT
    entity,
    project,
    role,
    kind,
    count(*) AS runs,
    avg(value) AS mean,
    stddev_samp(value) AS std,
    median(value) AS median,
    min(value) AS lowest,
    max(value) AS highest,
    min(run_id) FILTER (WHERE value = lowest) AS lowest_run_id,
    min(run_id) FILTER (WHERE value = highest) AS highest_run_id
FROM ranged
GROUP BY entity, project, role, kind
