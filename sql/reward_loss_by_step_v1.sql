-- reward_loss_by_step: the reward of each step beside the loss, entropy, KL and gradient of the update made from it
-- row: a step of a pair, from the orchestrator's side (in a run that holds both sides, every step)
-- formula: the pairs of run_pairs; the orchestrator's steps LEFT JOIN the trainer's metrics at the same step, for update s is computed from the rewards logged at step s
-- note: each value is that of the run's main metric of the kind (main_metrics), where its steps are the run's own (axis in series)
-- note: NULL where the side logged no finite number at the step; metrics has what was logged
-- column orchestrator_run_id VARCHAR: the orchestrator's run
-- column trainer_run_id VARCHAR: the trainer's run
-- column step BIGINT: the training step
-- column reward DOUBLE: reward, from the orchestrator
-- column loss DOUBLE: loss, from the trainer
-- column entropy DOUBLE: entropy, from the trainer
-- column kl DOUBLE: KL divergence, from the trainer; which one, kl_metric tells, and different ones are not comparable
-- column grad_norm DOUBLE: gradient norm, from the trainer
-- column reward_metric VARCHAR: the key that reward is
-- column loss_metric VARCHAR: the key that loss is
-- column entropy_metric VARCHAR: the key that entropy is
-- column kl_metric VARCHAR: the key that kl is
-- column grad_norm_metric VARCHAR: the key that grad_norm is
WITH chosen AS (
    SELECT run_id, role, kind, metric, sign
    FROM main_metrics_v1
    WHERE kind IN ('reward', 'loss', 'entropy', 'kl', 'grad_norm') AND axis IS NULL
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
    INNER JOIN chosen AS c
        ON c.run_id = p.orchestrator_run_id AND c.role = p.orchestrator_role
    WHERE c.kind = 'reward'
    UNION ALL
    SELECT p.orchestrator_run_id, p.trainer_run_id, c.run_id, c.role, c.kind, c.metric,
        c.sign
    FROM pairs AS p
    INNER JOIN chosen AS c
        ON c.run_id = p.trainer_run_id AND c.role = p.trainer_role
    WHERE c.kind <> 'reward'
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
        max(m.value) FILTER (WHERE w.kind = 'grad_norm') AS grad_norm
    FROM wanted AS w
    INNER JOIN metrics_v1 AS m
        ON m.run_id = w.run_id AND m.role = w.role AND m.metric = w.metric
    WHERE m.ord IS NOT NULL
    GROUP BY w.orchestrator_run_id, w.trainer_run_id, m.step
)
SELECT
    p.orchestrator_run_id,
    p.trainer_run_id,
    s.step,
    m.reward,
    m.loss,
    m.entropy,
    m.kl,
    m.grad_norm,
    n.reward_metric,
    n.loss_metric,
    n.entropy_metric,
    n.kl_metric,
    n.grad_norm_metric
FROM pairs AS p
INNER JOIN steps_v1 AS s
    ON s.run_id = p.orchestrator_run_id AND s.role = p.orchestrator_role
LEFT JOIN measured AS m
    ON m.orchestrator_run_id = p.orchestrator_run_id AND m.trainer_run_id = p.trainer_run_id
    AND m.step = s.step
LEFT JOIN names AS n
    ON n.orchestrator_run_id = p.orchestrator_run_id AND n.trainer_run_id = p.trainer_run_id
