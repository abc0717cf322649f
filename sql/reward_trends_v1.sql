-- reward_trends: does each reward metric rise from its first half to its second?
-- row: a reward metric of a run with more than 10 samples
-- formula: the first half is the first n // 2 finite values in step order, the second half is the rest
-- note: a reward metric is one whose name contains reward or score, in any case, or whose kind is reward or reward_component (reward_metrics)
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column samples BIGINT: finite values, n
-- column first_half_mean DOUBLE: mean of the first half
-- column second_half_mean DOUBLE: mean of the second half
-- column improvement DOUBLE: second_half_mean - first_half_mean
-- column improvement_pct DOUBLE: improvement / |first_half_mean| * 100 (%); NULL where first_half_mean is 0
-- column completeness VARCHAR: verdict on the run's data, from runs
SELECT
    m.run_id,
    m.role,
    m.metric,
    m.samples,
    m.first_half_mean,
    m.second_half_mean,
    m.improvement,
    m.improvement_pct,
    m.completeness
FROM metric_trends_v1 AS m
INNER JOIN reward_metrics_v1 AS r
    ON r.run_id = m.run_id AND r.role = m.role AND r.metric = m.metric
