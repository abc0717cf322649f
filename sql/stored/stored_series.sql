-- The parts of series that a live row names; see stored_runs for the names in the path,
-- and stored_metrics for the order in FROM.
-- Parts of an earlier version lack the last columns: the SELECT of no rows gives them a type where
-- none has.
SELECT
  run_id, role, metric, writer, kind, kind_rank, samples, nonfinite, first_step, last_step, axis,
  coalesce(sign, 1) AS sign, not_numbers, numbers, mean, median, std, min, max, initial, final,
  initial_step, final_step, first_half_mean, second_half_mean, improvement, improvement_pct,
  high_values
FROM (SELECT unnest(parts) AS part FROM stored_runs) AS live
JOIN (
    SELECT *, url_decode(parse_path(filename)[-2][8:]) AS run_id, parse_path(filename)[-3][6:] AS role
    FROM (
        SELECT *
        FROM read_parquet({files}, hive_partitioning = false, filename = true, union_by_name = true)
        UNION ALL BY NAME
        SELECT
          CAST(NULL AS VARCHAR) AS axis, CAST(NULL AS BIGINT) AS sign,
          CAST(NULL AS BIGINT) AS not_numbers, CAST(NULL AS BIGINT) AS numbers,
          CAST(NULL AS DOUBLE) AS mean, CAST(NULL AS DOUBLE) AS median,
          CAST(NULL AS DOUBLE) AS std, CAST(NULL AS DOUBLE) AS min, CAST(NULL AS DOUBLE) AS max,
          CAST(NULL AS DOUBLE) AS initial, CAST(NULL AS DOUBLE) AS final,
          CAST(NULL AS BIGINT) AS initial_step, CAST(NULL AS BIGINT) AS final_step,
          CAST(NULL AS DOUBLE) AS first_half_mean, CAST(NULL AS DOUBLE) AS second_half_mean,
          CAST(NULL AS DOUBLE) AS improvement, CAST(NULL AS DOUBLE) AS improvement_pct,
          CAST(NULL AS BIGINT) AS high_values
        WHERE false
    ) AS united
) AS stored ON stored._part = live.part
