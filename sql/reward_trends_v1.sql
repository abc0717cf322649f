-- reward_trends: does each reward metric rise from its first half to its second?
-- row: a reward metric of a run with more than 10 samples
-- formula: the first half is the first n // 2 finite values in step order, the second half is the rest
-- note: a reward metric is one whose name contains reward or score, in any case
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
    run_id,
    role,
    metric,
    samples,
    first_half_mean,
    second_half_mean,
    improvement,
    improvement_pct,
    completeness
FROM metric_trends_v1
WHERE lower(metric) LIKE '%reward%' OR lower(metric) LIKE '%score%'
