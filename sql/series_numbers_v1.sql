-- series_numbers: what is kept of each metric's numbers, so that no question has to compute them
-- row: a metric of a run
-- note: what metric_stats, metric_trends and metric_health say of it, by the same formulas; ask those, which also compute what is not kept
-- note: a run of more than 4,000,000 values keeps none, nor does one that an earlier version stored: numbers is NULL
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column samples BIGINT: finite values, n
-- column nonfinite BIGINT: values that are NaN or Infinity
-- column numbers BIGINT: version of the formulas; NULL where nothing is kept
-- column mean DOUBLE: arithmetic mean
-- column median DOUBLE: median
-- column std DOUBLE: sample standard deviation (n - 1)
-- column min DOUBLE: least value
-- column max DOUBLE: greatest value
-- column initial DOUBLE: value at the first step that has a finite one
-- column final DOUBLE: value at the last step that has a finite one
-- column initial_step BIGINT: step of initial
-- column final_step BIGINT: step of final
-- column first_half_mean DOUBLE: mean of the first n // 2 values, where n > 10
-- column second_half_mean DOUBLE: mean of the others
-- column improvement DOUBLE: second_half_mean - first_half_mean
-- column improvement_pct DOUBLE: improvement / |first_half_mean| * 100 (%); NULL where first_half_mean is 0
-- column high_values BIGINT: values of the second half that are >= 0.9
SELECT
    run_id,
    role,
    metric,
    samples,
    nonfinite,
    numbers,
    mean,
    median,
    std,
    min,
    max,
    initial,
    final,
    initial_step,
    final_step,
    first_half_mean,
    second_half_mean,
    improvement,
    improvement_pct,
    high_values
FROM stored_series
