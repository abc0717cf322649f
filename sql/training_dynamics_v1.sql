-- training_dynamics: what happened to entropy, length, truncation, the sampler's agreement with the trainer, and the reward, from the beginning to the end
-- row: a quantity of a pair (in a run that holds both sides, or whose role is unknown, of the run; a run without a partner has rows of its own side)
-- formula: the mean over the first and the last tenth of the quantity's finite values, and what part of the first was lost
-- note: quantity: reward, response_length, truncation (from the orchestrator); entropy, kl, inference_probs, trainer_probs, probs_gap, masked_share (from the trainer)
-- note: probs_gap is inference_probs - trainer_probs at each step: how much surer of its tokens the engine that sampled them was than the trainer is; kl is in prime-rl the mismatch between the two, not a distance from a reference model
-- note: masked_share is the share of tokens that prime-rl leaves out of the loss because the two disagree too much about them (is_masked)
-- note: numbers, no verdicts: a falling length may be the aim or a collapse
-- note: parameters: a tenth of the values, at least 1; means are NULL where a value is beyond 1e100
-- column orchestrator_run_id VARCHAR: the orchestrator's run; NULL for a trainer without a partner
-- column trainer_run_id VARCHAR: the trainer's run; NULL for an orchestrator without a partner
-- column quantity VARCHAR: what is measured
-- column metric VARCHAR: the key as logged
-- column samples BIGINT: finite values, n
-- column initial DOUBLE: first value
-- column final DOUBLE: last value
-- column first_mean DOUBLE: mean of the first tenth
-- column last_mean DOUBLE: mean of the last tenth
-- column difference DOUBLE: last_mean - first_mean
-- column drop_share DOUBLE: (first_mean - last_mean) / |first_mean|: 0.9 is a loss of 90 %; NULL where first_mean is 0
-- column mean DOUBLE: mean of all
-- column min DOUBLE: least value
-- column max DOUBLE: greatest value
-- column first_step BIGINT: step of initial
-- column last_step BIGINT: step of final
WITH parameters AS (
    SELECT 10 AS parts
),
pairs AS (
    SELECT orchestrator_run_id, orchestrator_role, trainer_run_id, trainer_role
    FROM run_pairs_v1
),
alone AS (
    SELECT r.run_id, r.role
    FROM runs_v1 AS r
    LEFT JOIN pairs AS o ON o.orchestrator_run_id = r.run_id
    LEFT JOIN pairs AS t ON t.trainer_run_id = r.run_id
    WHERE o.orchestrator_run_id IS NULL AND t.trainer_run_id IS NULL
),
sides AS (
    SELECT orchestrator_run_id, trainer_run_id, 'orchestrator' AS side,
        orchestrator_run_id AS run_id, orchestrator_role AS role
    FROM pairs
    UNION ALL
    SELECT orchestrator_run_id, trainer_run_id, 'trainer', trainer_run_id, trainer_role
    FROM pairs
    UNION ALL
    SELECT
        CASE WHEN role = 'orchestrator' THEN run_id END,
        CASE WHEN role = 'trainer' THEN run_id END,
        role,
        run_id,
        role
    FROM alone
    WHERE role IN ('orchestrator', 'trainer')
    UNION ALL
    SELECT a.run_id, a.run_id, e.side, a.run_id, a.role
    FROM alone AS a
    CROSS JOIN (SELECT 'orchestrator' AS side UNION ALL SELECT 'trainer') AS e
    WHERE a.role = 'unknown'
),
quantities AS (
    SELECT
        run_id,
        role,
        metric,
        kind AS quantity,
        CASE WHEN kind IN ('entropy', 'kl') THEN 'trainer' ELSE 'orchestrator' END AS side,
        sign
    FROM main_metrics_v1
    WHERE kind IN ('reward', 'response_length', 'truncation', 'entropy', 'kl')
    UNION ALL
    SELECT
        run_id,
        role,
        metric,
        CASE
            WHEN metric = 'inference_probs/mean' THEN 'inference_probs'
            WHEN metric = 'trainer_probs/mean' THEN 'trainer_probs'
            ELSE 'masked_share'
        END,
        'trainer',
        1
    FROM series_v1
    WHERE metric IN ('inference_probs/mean', 'trainer_probs/mean', 'is_masked/mean')
),
-- A run is in at most one pair, so that run and quantity identify a row.
logged AS (
    SELECT
        s.orchestrator_run_id,
        s.trainer_run_id,
        q.run_id,
        q.quantity,
        q.metric,
        m.step,
        m.value * q.sign AS value
    FROM sides AS s
    INNER JOIN quantities AS q ON q.run_id = s.run_id AND q.role = s.role AND q.side = s.side
    INNER JOIN metrics_v1 AS m
        ON m.run_id = q.run_id AND m.role = q.role AND m.metric = q.metric
    WHERE m.ord IS NOT NULL
),
numbers AS (
    SELECT orchestrator_run_id, trainer_run_id, run_id, quantity, metric, step, value
    FROM logged
    UNION ALL
    SELECT
        i.orchestrator_run_id,
        i.trainer_run_id,
        i.run_id,
        'probs_gap',
        i.metric || ' - ' || t.metric,
        i.step,
        i.value - t.value
    FROM logged AS i
    INNER JOIN logged AS t ON t.run_id = i.run_id AND t.step = i.step
    WHERE i.quantity = 'inference_probs' AND t.quantity = 'trainer_probs'
),
counted AS (
    SELECT
        orchestrator_run_id,
        trainer_run_id,
        run_id,
        quantity,
        metric,
        step,
        value,
        CASE WHEN abs(value) <= 1e100 THEN value END AS summable,
        row_number() OVER (PARTITION BY run_id, quantity ORDER BY step ASC) - 1 AS place,
        count(*) OVER (PARTITION BY run_id, quantity) AS n
    FROM numbers
),
tenths AS (
    SELECT
        c.*,
        c.place < greatest(c.n // NULLIF(p.parts, 0), 1) AS in_first,
        c.place >= c.n - greatest(c.n // NULLIF(p.parts, 0), 1) AS in_last
    FROM counted AS c
    CROSS JOIN parameters AS p
),
measured AS (
    SELECT
        orchestrator_run_id,
        trainer_run_id,
        run_id,
        quantity,
        metric,
        count(*) AS samples,
        count(*) = count(summable) AS within_range,
        arg_min(value, step) AS initial,
        arg_max(value, step) AS final,
        avg(summable) FILTER (WHERE in_first) AS first_mean,
        avg(summable) FILTER (WHERE in_last) AS last_mean,
        avg(summable) AS mean,
        min(value) AS min,
        max(value) AS max,
        min(step) AS first_step,
        max(step) AS last_step
    FROM tenths
    GROUP BY orchestrator_run_id, trainer_run_id, run_id, quantity, metric
)
SELECT
    orchestrator_run_id,
    trainer_run_id,
    quantity,
    metric,
    samples,
    initial,
    final,
    CASE WHEN within_range THEN first_mean END AS first_mean,
    CASE WHEN within_range THEN last_mean END AS last_mean,
    CASE WHEN within_range THEN last_mean - first_mean END AS difference,
    CASE
        WHEN
            within_range
            AND abs((first_mean - last_mean) / NULLIF(first_mean, 0)) <= 1.7976931348623157e308
            THEN (first_mean - last_mean) / NULLIF(abs(first_mean), 0)
    END AS drop_share,
    CASE WHEN within_range THEN mean END AS mean,
    min,
    max,
    first_step,
    last_step
FROM measured
