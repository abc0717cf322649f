-- reward_loss_by_policy: the reward of each step beside the loss, entropy, KL and gradient of the last update that the sampling policy contained
-- row: a step of a pair, from the orchestrator's side (in a run that holds both sides, every step)
-- formula: policy_step = policy_version - 1; the orchestrator's steps LEFT JOIN the trainer's metrics at policy_step: what an update did to the reward, where reward_loss_by_step has the update made from the reward
-- note: the version is progress/ckpt_step, which prime-rl's orchestrator logged until May 2026 and for as long counted steps from 0: version c is the weights after updates 0 to c - 1
-- note: policy_step is NULL where the version is not logged, is no whole number, or is 0, the weights that training began with
-- note: each value is that of the run's main metric of the kind (main_metrics), where its steps are the run's own; NULL where the side logged no finite number
-- column orchestrator_run_id VARCHAR: the orchestrator's run
-- column trainer_run_id VARCHAR: the trainer's run
-- column step BIGINT: the training step at which the reward was earned
-- column reward DOUBLE: reward, from the orchestrator at step
-- column loss DOUBLE: loss, from the trainer at policy_step
-- column entropy DOUBLE: entropy, from the trainer at policy_step
-- column kl DOUBLE: KL divergence, from the trainer at policy_step; which one, kl_metric tells, and different ones are not comparable
-- column grad_norm DOUBLE: gradient norm, from the trainer at policy_step
-- column policy_step BIGINT: step of the last update in the weights that sampled
-- column policy_version BIGINT: version of the weights that sampled
-- column reward_metric VARCHAR: the key that reward is
-- column loss_metric VARCHAR: the key that loss is
-- column entropy_metric VARCHAR: the key that entropy is
-- column kl_metric VARCHAR: the key that kl is
-- column grad_norm_metric VARCHAR: the key that grad_norm is
WITH parameters AS (
    SELECT
        'progress/ckpt_step' AS version_metric,
        1 AS updates_behind
),
pairs AS (
    SELECT orchestrator_run_id, orchestrator_role, trainer_run_id, trainer_role
    FROM run_pairs_v1
),
-- The five metrics of each pair, each with the run to take it from.
wanted AS (
    SELECT p.orchestrator_run_id, p.trainer_run_id, c.run_id, c.role, c.kind, c.metric,
        c.sign
    FROM pairs AS p
    INNER JOIN main_metrics_v1 AS c
        ON c.run_id = p.orchestrator_run_id AND c.role = p.orchestrator_role
    WHERE c.kind = 'reward' AND c.axis IS NULL
    UNION ALL
    SELECT p.orchestrator_run_id, p.trainer_run_id, c.run_id, c.role, c.kind, c.metric,
        c.sign
    FROM pairs AS p
    INNER JOIN main_metrics_v1 AS c
        ON c.run_id = p.trainer_run_id AND c.role = p.trainer_role
    WHERE c.kind IN ('loss', 'entropy', 'kl', 'grad_norm') AND c.axis IS NULL
    UNION ALL
    SELECT
        p.orchestrator_run_id,
        p.trainer_run_id,
        p.orchestrator_run_id,
        p.orchestrator_role,
        'version',
        v.version_metric,
        1
    FROM pairs AS p
    CROSS JOIN parameters AS v
),
names AS (
    SELECT
        orchestrator_run_id,
        trainer_run_id,
        max(metric) FILTER (WHERE kind = 'reward') AS reward_metric,
        max(metric) FILTER (WHERE kind = 'loss') AS loss_metric,
        max(metric) FILTER (WHERE kind = 'entropy') AS entropy_metric,
        max(metric) FILTER (WHERE kind = 'kl') AS kl_metric,
        max(metric) FILTER (WHERE kind = 'grad_norm') AS grad_norm_metric
    FROM wanted
    GROUP BY orchestrator_run_id, trainer_run_id
),
measured AS (
    SELECT
        w.orchestrator_run_id,
        w.trainer_run_id,
        m.step,
        max(m.value) FILTER (WHERE w.kind = 'reward') AS reward,
        max(m.value) FILTER (WHERE w.kind = 'loss') AS loss,
        max(m.value * w.sign) FILTER (WHERE w.kind = 'entropy') AS entropy,
        max(m.value) FILTER (WHERE w.kind = 'kl') AS kl,
        max(m.value) FILTER (WHERE w.kind = 'grad_norm') AS grad_norm,
        max(CASE
            WHEN m.value >= 0 AND m.value <= 9e15 AND m.value = floor(m.value)
                THEN CAST(m.value AS BIGINT)
        END) FILTER (WHERE w.kind = 'version') AS policy_version
    FROM wanted AS w
    INNER JOIN metrics_v1 AS m
        ON m.run_id = w.run_id AND m.role = w.role AND m.metric = w.metric
    WHERE m.ord IS NOT NULL
    GROUP BY w.orchestrator_run_id, w.trainer_run_id, m.step
),
sampled AS (
    SELECT
        p.orchestrator_run_id,
        p.trainer_run_id,
        s.step,
        m.reward,
        m.policy_version,
        CASE
            WHEN m.policy_version >= v.updates_behind THEN m.policy_version - v.updates_behind
        END AS policy_step
    FROM pairs AS p
    CROSS JOIN parameters AS v
    INNER JOIN steps_v1 AS s
        ON s.run_id = p.orchestrator_run_id AND s.role = p.orchestrator_role
    LEFT JOIN measured AS m
        ON m.orchestrator_run_id = p.orchestrator_run_id AND m.trainer_run_id = p.trainer_run_id
        AND m.step = s.step
)
SELECT
    s.orchestrator_run_id,
    s.trainer_run_id,
    s.step,
    s.reward,
    u.loss,
    u.entropy,
    u.kl,
    u.grad_norm,
    s.policy_step,
    s.policy_version,
    n.reward_metric,
    n.loss_metric,
    n.entropy_metric,
    n.kl_metric,
    n.grad_norm_metric
FROM sampled AS s
LEFT JOIN measured AS u
    ON u.orchestrator_run_id = s.orchestrator_run_id AND u.trainer_run_id = s.trainer_run_id
    AND u.step = s.policy_step
LEFT JOIN names AS n
    ON n.orchestrator_run_id = s.orchestrator_run_id AND n.trainer_run_id = s.trainer_run_id
