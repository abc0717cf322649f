-- uncovered_steps: a pair leaves many of the orchestrator's steps without its trainer, and trainers that belong to no pair have them
-- note: such a trainer ran while the orchestrator did, logged those steps after it, and has few others
-- parameter least_share 0.2: share of the orchestrator's steps that the pair leaves out, from which it counts
-- parameter least_own_share 0.8: share of the other trainer's steps that must be among them
-- says: its trainer {trainer} has {covered} of {steps} steps; {names} logged {others} of the rest, in no pair
-- evidence: SELECT s.run_id, min(s.step) AS first_step, max(s.step) AS last_step, count(*) AS steps FROM steps AS s WHERE s.role = 'trainer' GROUP BY s.run_id
WITH pairs AS (
    SELECT
        p.orchestrator_run_id,
        p.orchestrator_role,
        p.trainer_run_id,
        p.trainer_role,
        o.entity,
        o.project,
        o.started_at,
        o.ended_at
    FROM run_pairs_v1 AS p
    INNER JOIN runs_v1 AS o ON o.run_id = p.orchestrator_run_id
    WHERE p.orchestrator_run_id <> p.trainer_run_id
),
placed AS (
    SELECT
        p.orchestrator_run_id,
        p.trainer_run_id,
        s.step,
        coalesce(s.first_timestamp, s.timestamp) AS logged_at,
        t.step IS NOT NULL AS covered
    FROM pairs AS p
    INNER JOIN steps_v1 AS s
        ON s.run_id = p.orchestrator_run_id AND s.role = p.orchestrator_role
    LEFT JOIN steps_v1 AS t
        ON t.run_id = p.trainer_run_id AND t.role = p.trainer_role AND t.step = s.step
),
counted AS (
    SELECT
        orchestrator_run_id,
        trainer_run_id,
        count(*) AS steps,
        count(*) FILTER (WHERE covered) AS covered
    FROM placed
    GROUP BY orchestrator_run_id, trainer_run_id
),
unpaired AS (
    SELECT r.run_id, r.role, r.entity, r.project, r.started_at, r.ended_at, r.steps
    FROM runs_v1 AS r
    LEFT JOIN pairs AS p ON p.trainer_run_id = r.run_id
    WHERE r.role = 'trainer' AND p.trainer_run_id IS NULL
),
others AS (
    SELECT c.orchestrator_run_id, x.run_id, count(*) AS common
    FROM counted AS c
    INNER JOIN pairs AS p ON p.orchestrator_run_id = c.orchestrator_run_id
    INNER JOIN unpaired AS x
        ON x.started_at <= p.ended_at AND x.ended_at >= p.started_at
        AND (x.entity = p.entity OR x.entity IS NULL OR p.entity IS NULL)
        AND (x.project = p.project OR x.project IS NULL OR p.project IS NULL)
    INNER JOIN steps_v1 AS s ON s.run_id = x.run_id AND s.role = x.role
    INNER JOIN placed AS o
        ON o.orchestrator_run_id = c.orchestrator_run_id AND o.step = s.step
        AND NOT o.covered AND coalesce(s.first_timestamp, s.timestamp) >= o.logged_at
    WHERE c.steps - c.covered >= $least_share * c.steps
    GROUP BY c.orchestrator_run_id, x.run_id, x.steps
    HAVING count(*) >= $least_own_share * x.steps
)
SELECT
    c.orchestrator_run_id AS run_id,
    'warning' AS severity,
    CAST(NULL AS VARCHAR) AS metric,
    c.covered,
    c.steps,
    c.trainer_run_id AS trainer,
    string_agg(o.run_id, ', ' ORDER BY o.run_id) AS names,
    CAST(sum(o.common) AS BIGINT) AS others
FROM counted AS c
INNER JOIN others AS o ON o.orchestrator_run_id = c.orchestrator_run_id
GROUP BY c.orchestrator_run_id, c.trainer_run_id, c.covered, c.steps
