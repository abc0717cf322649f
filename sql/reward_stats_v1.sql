-- reward_stats: what does each reward metric of a run amount to?
-- row: a reward metric of a run
-- formula: over the metric's finite values, one per step, in step order
-- note: a reward metric is one whose name contains reward or score, in any case, or whose kind is reward or reward_component (reward_metrics)
-- note: a metric that was only ever NaN or Infinity has a row with samples 0 and NULLs; a std that DOUBLE cannot hold is NULL
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column samples BIGINT: finite values, n
-- column mean DOUBLE: arithmetic mean
-- column median DOUBLE: median; the mean of the middle two where n is even
-- column std DOUBLE: sample standard deviation (n - 1); NULL for one sample
-- column min DOUBLE: least value
-- column max DOUBLE: greatest value
-- column final DOUBLE: value at the last step that has a finite one
-- column nonfinite BIGINT: values that are NaN or Infinity; they count in no other column
-- column initial DOUBLE: value at the first step that has a finite one
-- column first_step BIGINT: step of initial
-- column last_step BIGINT: step of final
-- column completeness VARCHAR: verdict on the run's data, from runs
SELECT
    m.run_id,
    m.role,
    m.metric,
    m.samples,
    m.mean,
    m.median,
    m.std,
    m.min,
    m.max,
    m.final,
    m.nonfinite,
    m.initial,
    m.first_step,
    m.last_step,
    m.completeness
FROM metric_stats_v1 AS m
INNER JOIN reward_metrics_v1 AS r
    ON r.run_id = m.run_id AND r.role = m.role AND r.metric = m.metric
