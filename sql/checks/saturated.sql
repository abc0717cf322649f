-- saturated: a reward or component is near its limit of 1, with nothing left to gain
-- parameter least_samples 10: values that it takes to call it saturated
-- says: {metric} has mean {mean}, and {high_share} of its second half is at least 0.9: little is left to gain
-- evidence: SELECT samples, mean, high_share, max FROM metric_health WHERE run_id = {run_id} AND metric = {metric}
SELECT run_id, 'info' AS severity, metric, samples, mean, high_share, max
FROM metric_health_v1
WHERE saturated AND kind IS NOT NULL AND samples >= $least_samples
