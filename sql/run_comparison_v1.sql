-- run_comparison: where each run stands among the runs of its project, kind by kind
-- row: a kind that a run has a main metric of (main_metrics)
-- formula: the runs of one entity, project and role are compared by the mean of the last finite values of their main metric of the kind, the last tenth of them, at least 1 and at most 100; what they reach together is in project_values
-- note: one row a run, not one a pair of runs, so that it stays as long as the list of runs; dakota-wh compare sets two runs or groups of seeds side by side, step by step, with intervals
-- note: place counts from the highest value; better says whether high is good, and runs of different length, data or reward are compared all the same: look at samples, metric and completeness
-- note: runs without entity or project are compared with each other; a metric with no finite value, or one beyond 1e100, is left out
-- note: parameters: a tenth, 100 values
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column kind VARCHAR: reward, loss, entropy, kl, grad_norm, lr, response_length, truncation, throughput or step_time
-- column metric VARCHAR: the key as logged
-- column value DOUBLE: mean of its last finite values
-- column value_samples BIGINT: how many values that are, at most 100 and a tenth of all
-- column place BIGINT: 1 for the highest value among the runs
-- column runs BIGINT: how many runs are compared, this one among them
-- column median DOUBLE: median of their values
-- column difference DOUBLE: value - median
-- column highest DOUBLE: the highest value
-- column highest_run_id VARCHAR: the run that has it
-- column samples BIGINT: finite values of the metric
-- column last_step BIGINT: last step at which it was logged
-- column name VARCHAR: the run's display name
-- column project VARCHAR: W&B project
-- column entity VARCHAR: W&B entity
-- column completeness VARCHAR: verdict on the run's data
-- column better VARCHAR: high or low: which way is good for the kind (metric_directions); NULL where neither is
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
        k.metric,
        min(k.samples) AS samples,
        min(k.last_step) AS last_step,
        avg(m.value * k.sign) FILTER (WHERE abs(m.value) <= 1e100) AS value,
        count(*) AS value_samples,
        max(abs(m.value)) AS peak
    FROM main_metrics_v1 AS k
    INNER JOIN metrics_v1 AS m
        ON m.run_id = k.run_id AND m.role = k.role AND m.metric = k.metric
    CROSS JOIN parameters AS p
    WHERE
        m.ord >= k.samples - least(
            p.last_values, greatest(k.samples // NULLIF(p.last_divisor, 0), 1)
        )
    GROUP BY k.run_id, k.role, k.kind, k.metric
)
SELECT
    v.run_id,
    v.role,
    v.kind,
    v.metric,
    v.value,
    v.value_samples,
    row_number() OVER (
        PARTITION BY r.entity, r.project, v.role, v.kind ORDER BY v.value DESC, v.run_id ASC
    ) AS place,
    p.runs,
    p.median,
    v.value - p.median AS difference,
    p.highest,
    p.highest_run_id,
    v.samples,
    v.last_step,
    r.name,
    r.project,
    r.entity,
    r.completeness,
    d.better
FROM valued AS v
INNER JOIN runs_v1 AS r ON r.run_id = v.run_id AND r.role = v.role
INNER JOIN project_values_v1 AS p
    ON p.role = v.role AND p.kind = v.kind
    AND coalesce(p.entity, '') = coalesce(r.entity, '')
    AND coalesce(p.project, '') = coalesce(r.project, '')
    AND (p.entity IS NULL) = (r.entity IS NULL)
    AND (p.project IS NULL) = (r.project IS NULL)
LEFT JOIN metric_directions_v1 AS d
    ON d.run_id = v.run_id AND d.role = v.role AND d.metric = v.metric
WHERE v.peak <= 1e100
