-- length_collapse: the responses lost most of the length that the run began with, the worse where the reward rose meanwhile
-- note: a warning where trend_evidence calls the reward rising, else a remark: what it was paid for is not known
-- parameter least_drop 0.5: share lost, from the mean of the first tenth of the values to that of the last
-- parameter least_samples 20: values that it takes
-- says: {metric} fell from {initial} to {final} (tenths: {first_mean} to {last_mean}, {drop_share} lost){words}
-- evidence: SELECT quantity, metric, initial, final, first_mean, last_mean, drop_share FROM training_dynamics WHERE {run_id} IN (orchestrator_run_id, trainer_run_id) AND quantity IN ('response_length', 'reward')
WITH fallen AS (
    SELECT
        orchestrator_run_id,
        trainer_run_id,
        metric,
        samples,
        initial,
        final,
        first_mean,
        last_mean,
        drop_share
    FROM training_dynamics_v1
    WHERE
        quantity = 'response_length'
        AND first_mean > 0
        AND drop_share >= $least_drop
        AND samples >= $least_samples
),
rewards AS (
    SELECT
        d.orchestrator_run_id,
        d.trainer_run_id,
        d.metric,
        d.first_mean,
        d.last_mean,
        t.verdict,
        t.verdict IN ('improving', 'rising') AS rose
    FROM training_dynamics_v1 AS d
    INNER JOIN trend_evidence_v1 AS t
        ON t.run_id = d.orchestrator_run_id AND t.metric = d.metric
    WHERE
        d.quantity = 'reward'
        AND d.orchestrator_run_id IN (SELECT f.orchestrator_run_id FROM fallen AS f)
)
SELECT
    f.orchestrator_run_id AS run_id,
    CASE WHEN r.rose THEN 'warning' ELSE 'info' END AS severity,
    f.metric,
    f.initial,
    f.final,
    f.first_mean,
    f.last_mean,
    f.drop_share,
    f.samples,
    r.metric AS reward_metric,
    r.first_mean AS reward_first_mean,
    r.last_mean AS reward_last_mean,
    r.verdict AS reward_verdict,
    CASE
        WHEN r.rose THEN
            ' while ' || r.metric || ' rose from ' || printf('%.4g', r.first_mean) || ' to '
            || printf('%.4g', r.last_mean)
        WHEN r.verdict IS NOT NULL THEN '; ' || r.metric || ' is ' || r.verdict
        ELSE ''
    END AS words
FROM fallen AS f
LEFT JOIN rewards AS r
    ON r.orchestrator_run_id IS NOT DISTINCT FROM f.orchestrator_run_id
    AND r.trainer_run_id IS NOT DISTINCT FROM f.trainer_run_id
WHERE f.orchestrator_run_id IS NOT NULL
