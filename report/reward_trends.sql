-- Does each reward metric rise from its first half to its second, and how sure is that?
SELECT t.run_id, t.metric, t.samples, t.first_half_mean, t.second_half_mean, t.improvement,
       t.improvement_pct, e.half_difference_low, e.half_difference_high, e.verdict, e.support,
       e.tail_state, e.tail_first_mean, e.tail_second_mean, e.tail_samples, e.lag1_autocorrelation,
       e.effective_samples
FROM reward_trends AS t
JOIN trend_evidence AS e ON e.run_id = t.run_id AND e.metric = t.metric
WHERE t.run_id IN ({runs})
ORDER BY t.run_id, t.metric
