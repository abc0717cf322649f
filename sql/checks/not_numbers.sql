-- not_numbers: a reward was logged as a text or a list, which no statistic counts
-- note: a remark where the run has a reward beside it that always was a number: the text may be a name
-- says: {metric} is a text or a list in {not_numbers} log rows, and a number at {logged} steps: only numbers count
-- evidence: SELECT metric, kind, samples, nonfinite, not_numbers FROM series WHERE run_id = {run_id} AND metric = {metric}
SELECT
    s.run_id,
    CASE
        WHEN s.samples + s.nonfinite = 0 AND m.metric IS NOT NULL THEN 'info'
        ELSE 'warning'
    END AS severity,
    s.metric,
    s.kind,
    s.not_numbers,
    s.samples + s.nonfinite AS logged
FROM series_v1 AS s
LEFT JOIN main_metrics_v1 AS m
    ON m.run_id = s.run_id AND m.role = s.role AND m.kind = 'reward'
WHERE s.not_numbers > 0
