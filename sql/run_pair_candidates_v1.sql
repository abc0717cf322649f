-- run_pair_candidates: every orchestrator and trainer that could belong together, with the points for it
-- row: an orchestrator and a trainer of compatible entity and project
-- formula: score = name + group + config + start + overlap + last_step + data + contradiction; accepted where score >= 5, the runs ran at the same time, nothing contradicts, and every rival of either run is at least 2 points below
-- note: what both runs say and say differently (name, group, output_dir) counts against the pair, and leaves the decision to a person however many points there are
-- note: restarted: of an orchestrator's trainers several ran one after the other and went on with its steps, so that none of them is its trainer; each has half of its steps in the orchestrator's, passes the data check, and has 5 points without those for the start
-- note: prefilter: a pair with at most 1 point before the data check, contradictions aside, is no candidate, for 1 + 2 can neither be accepted (5) nor rival what is (5 - 2)
-- note: the data check compares when the first row of a step was logged: a late evaluation belongs to a step that was done long before
-- note: the data check reads the steps of a candidate that ran at the same time and is among the 5 best of its orchestrator and of its trainer before the check; any other is a rival as if the check had passed
-- note: a run of a fixed pair (fixed_pairs) is in no candidate, and nobody's rival
-- note: an empty or missing fact is worth 0 points; a missing entity or project is compatible with any
-- column orchestrator_run_id VARCHAR: the run of role orchestrator
-- column trainer_run_id VARCHAR: the run of role trainer
-- column accepted BOOLEAN: whether it is a pair
-- column decision VARCHAR: accepted, or why not
-- column score DOUBLE: sum of the points
-- column evidence VARCHAR: what the points are for
-- column rival_score DOUBLE: the best that another candidate of either run has or may have; NULL where there is none
-- column name_score DOUBLE: +4 for the same name without its role suffix
-- column group_score DOUBLE: +3 for the same W&B group
-- column config_score DOUBLE: equal config: output_dir (or one inside the other) +2, model.name +1, max_steps +1, async_level +0.5, weight_broadcast.type +0.5
-- column start_score DOUBLE: start gap up to 2 min +2, up to 15 min +1, over 1 h -3
-- column overlap_score DOUBLE: +2 where the runs overlap for at least 80 % of the shorter
-- column last_step_score DOUBLE: +1 for the same last step
-- column data_score DOUBLE: of at least 20 common steps, the trainer logged at least 95 % not before the orchestrator +2, else -5; -5 for runs that never ran at the same time; 0 unchecked
-- column contradiction_score DOUBLE: -4 for different names where both end in their role, -3 for different groups, -2 for an output_dir that is neither the other's nor inside it
-- column restarted BOOLEAN: one of several trainers that cover the orchestrator's steps one after the other
-- column start_gap DOUBLE: time between the starts (s)
-- column overlap_share DOUBLE: time both ran / duration of the shorter run
-- column joined_steps BIGINT: common steps that the data check saw; NULL unchecked
-- column trainer_first_steps BIGINT: those that the trainer logged before the orchestrator
-- column orchestrator_role VARCHAR: orchestrator
-- column trainer_role VARCHAR: trainer
WITH fixed AS (
    SELECT p.orchestrator_run_id AS run_id
    FROM fixed_pairs_v1 AS p
    INNER JOIN runs_v1 AS t ON t.run_id = p.trainer_run_id
    UNION
    SELECT p.trainer_run_id AS run_id
    FROM fixed_pairs_v1 AS p
    INNER JOIN runs_v1 AS o ON o.run_id = p.orchestrator_run_id
),
settings AS (
    SELECT
        run_id,
        role,
        max(setting) FILTER (WHERE key = 'output_dir') AS output_dir,
        max(setting) FILTER (WHERE key = 'model.name') AS model_name,
        max(setting) FILTER (WHERE key = 'max_steps') AS max_steps,
        max(setting) FILTER (WHERE key = 'async_level') AS async_level,
        max(setting) FILTER (WHERE key = 'weight_broadcast.type') AS weight_broadcast
    FROM (
        SELECT run_id, role, key, coalesce(CAST(value AS VARCHAR), text) AS setting
        FROM config_v1
        WHERE
            type <> 'null'
            AND key IN (
                'output_dir', 'model.name', 'max_steps', 'async_level', 'weight_broadcast.type'
            )
    ) AS settings_of_interest
    GROUP BY run_id, role
),
-- The summary knows the last step even where the history is sampled.
last_steps AS (
    SELECT r.run_id, r.role, max(s.value) AS last_step
    FROM runs_v1 AS r
    INNER JOIN summary_v1 AS s
        ON s.run_id = r.run_id AND s.role = r.role AND s.key = r.step_key
    WHERE r.role IN ('orchestrator', 'trainer')
    GROUP BY r.run_id, r.role
),
sides AS (
    SELECT
        r.run_id,
        r.role,
        NULLIF(r.entity, '') AS entity,
        NULLIF(r.project, '') AS project,
        NULLIF(regexp_replace(
            lower(r.name), '[-_. ](orchestrator|orch|trainer)([-_. ]?[0-9]+)?$', ''
        ), '') AS stem,
        regexp_replace(
            lower(r.name), '[-_. ](orchestrator|orch|trainer)([-_. ]?[0-9]+)?$', ''
        ) <> lower(r.name) AS named_after_role,
        NULLIF(r.run_group, '') AS run_group,
        r.started_at,
        r.ended_at,
        floor(epoch(r.created_at)) AS created_at,
        coalesce(l.last_step, CAST(r.last_step AS DOUBLE)) AS last_step,
        r.steps,
        r.first_step AS first_stored_step,
        r.last_step AS last_stored_step,
        NULLIF(
            regexp_replace(regexp_replace(c.output_dir, '(/run_default)?/*$', ''), '^([.]/+)+', ''), ''
        ) AS output_dir,
        c.model_name,
        c.max_steps,
        c.async_level,
        c.weight_broadcast
    FROM runs_v1 AS r
    LEFT JOIN settings AS c ON c.run_id = r.run_id AND c.role = r.role
    LEFT JOIN last_steps AS l ON l.run_id = r.run_id AND l.role = r.role
    LEFT JOIN fixed AS f ON f.run_id = r.run_id
    WHERE r.role IN ('orchestrator', 'trainer') AND f.run_id IS NULL
),
compared AS (
    SELECT
        o.run_id AS orchestrator_run_id,
        t.run_id AS trainer_run_id,
        o.role AS orchestrator_role,
        t.role AS trainer_role,
        o.stem,
        o.run_group,
        o.last_step,
        t.stem AS trainer_stem,
        t.run_group AS trainer_group,
        t.steps AS trainer_steps,
        t.first_stored_step AS trainer_first_step,
        t.last_stored_step AS trainer_last_step,
        t.started_at AS trainer_started_at,
        t.ended_at AS trainer_ended_at,
        CASE
            WHEN o.stem <> t.stem AND o.named_after_role AND t.named_after_role THEN 4 ELSE 0
        END AS other_name,
        CASE WHEN o.run_group <> t.run_group THEN 3 ELSE 0 END AS other_group,
        -- A relative folder may be the end of an absolute one.
        CASE
            WHEN
                o.output_dir <> t.output_dir
                AND '/' || o.output_dir || '/' NOT LIKE '%/' || t.output_dir || '/%'
                AND '/' || t.output_dir || '/' NOT LIKE '%/' || o.output_dir || '/%'
                AND NOT starts_with(o.output_dir, t.output_dir || '/')
                AND NOT starts_with(t.output_dir, o.output_dir || '/')
                THEN 2
            ELSE 0
        END AS other_output_dir,
        CASE WHEN o.stem = t.stem THEN 4 ELSE 0 END AS name_score,
        CASE WHEN o.run_group = t.run_group THEN 3 ELSE 0 END AS group_score,
        CASE
            WHEN
                o.output_dir = t.output_dir
                OR starts_with(o.output_dir, t.output_dir || '/')
                OR starts_with(t.output_dir, o.output_dir || '/')
                THEN 2
            ELSE 0
        END AS output_dir_score,
        CASE WHEN o.model_name = t.model_name THEN 1 ELSE 0 END AS model_score,
        CASE WHEN o.max_steps = t.max_steps THEN 1 ELSE 0 END AS max_steps_score,
        CASE WHEN o.async_level = t.async_level THEN 0.5 ELSE 0 END AS async_score,
        CASE WHEN o.weight_broadcast = t.weight_broadcast THEN 0.5 ELSE 0 END AS broadcast_score,
        CASE WHEN o.last_step = t.last_step THEN 1 ELSE 0 END AS last_step_score,
        coalesce(
            abs(o.started_at - t.started_at), abs(o.created_at - t.created_at)
        ) AS start_gap,
        CASE
            WHEN
                o.started_at IS NOT NULL AND o.ended_at IS NOT NULL
                AND t.started_at IS NOT NULL AND t.ended_at IS NOT NULL
                THEN least(o.ended_at, t.ended_at) - greatest(o.started_at, t.started_at)
        END AS overlap,
        least(o.ended_at - o.started_at, t.ended_at - t.started_at) AS shorter
    FROM sides AS o
    INNER JOIN sides AS t
        ON o.role = 'orchestrator' AND t.role = 'trainer'
        AND (o.entity = t.entity OR o.entity IS NULL OR t.entity IS NULL)
        AND (o.project = t.project OR o.project IS NULL OR t.project IS NULL)
),
timed AS (
    SELECT
        *,
        output_dir_score + model_score + max_steps_score + async_score + broadcast_score
            AS config_score,
        CASE
            WHEN start_gap <= 120 THEN 2
            WHEN start_gap <= 900 THEN 1
            WHEN start_gap > 3600 THEN -3
            ELSE 0
        END AS start_score,
        CASE WHEN overlap >= 0 AND shorter > 0 THEN overlap / NULLIF(shorter, 0) END
            AS overlap_share,
        CASE WHEN overlap >= 0.8 * shorter AND shorter > 0 THEN 2 ELSE 0 END AS overlap_score,
        coalesce(overlap < 0, FALSE) AS apart,
        coalesce(overlap >= 0, FALSE) AS checkable
    FROM compared
),
-- Runs apart in time fail the data check without a look at their steps.
prefiltered AS (
    SELECT *
    FROM (
        SELECT
            *,
            name_score + group_score + config_score + start_score + overlap_score
            + last_step_score - other_name - other_group - other_output_dir AS facts,
            -other_name - other_group - other_output_dir AS contradiction_score
        FROM timed
    ) AS added_up
    WHERE facts - contradiction_score - CASE WHEN apart THEN 5 ELSE 0 END > 1
),
ranked AS (
    SELECT
        *,
        checkable
        AND row_number() OVER (
            PARTITION BY orchestrator_run_id, checkable
            ORDER BY facts DESC, start_gap ASC NULLS LAST, trainer_run_id ASC
        ) <= 5
        AND row_number() OVER (
            PARTITION BY trainer_run_id, checkable
            ORDER BY facts DESC, start_gap ASC NULLS LAST, orchestrator_run_id ASC
        ) <= 5 AS checked
    FROM prefiltered
),
joined AS (
    SELECT
        c.orchestrator_run_id,
        c.trainer_run_id,
        count(*) AS joined_steps,
        count(*) FILTER (
            WHERE coalesce(t.first_timestamp, t.timestamp)
            < coalesce(o.first_timestamp, o.timestamp)
        ) AS trainer_first_steps
    FROM ranked AS c
    INNER JOIN steps_v1 AS o
        ON o.run_id = c.orchestrator_run_id AND o.role = c.orchestrator_role
    INNER JOIN steps_v1 AS t
        ON t.run_id = c.trainer_run_id AND t.role = c.trainer_role AND t.step = o.step
    WHERE c.checked AND o.timestamp IS NOT NULL AND t.timestamp IS NOT NULL
    GROUP BY c.orchestrator_run_id, c.trainer_run_id
),
judged AS (
    SELECT
        r.*,
        CASE WHEN r.checked THEN coalesce(j.joined_steps, 0) END AS joined_steps,
        CASE WHEN r.checked THEN coalesce(j.trainer_first_steps, 0) END AS trainer_first_steps,
        CASE
            WHEN r.apart THEN -5
            WHEN NOT r.checked OR coalesce(j.joined_steps, 0) < 20 THEN 0
            WHEN j.trainer_first_steps * 20 <= j.joined_steps THEN 2
            ELSE -5
        END AS data_score
    FROM ranked AS r
    LEFT JOIN joined AS j
        ON j.orchestrator_run_id = r.orchestrator_run_id AND j.trainer_run_id = r.trainer_run_id
),
scored AS (
    SELECT
        *,
        facts + data_score AS score,
        facts + CASE WHEN checkable AND NOT checked THEN 2 ELSE data_score END AS at_best
    FROM judged
),
-- Trainers of one orchestrator that went on with its steps, each when another ended (within 60 s).
covering AS (
    SELECT
        orchestrator_run_id,
        trainer_run_id,
        trainer_first_step,
        trainer_last_step,
        trainer_started_at,
        trainer_ended_at
    FROM (
        SELECT
            *,
            max(at_best) OVER (PARTITION BY trainer_run_id, apart) AS best_of_trainer
        FROM scored
    ) AS placed
    WHERE
        NOT apart
        AND contradiction_score = 0
        AND data_score >= 0
        AND joined_steps > 0
        AND joined_steps * 2 >= trainer_steps
        AND score - start_score >= 5
        AND at_best >= best_of_trainer
),
chained AS (
    SELECT a.orchestrator_run_id, a.trainer_run_id
    FROM covering AS a
    INNER JOIN covering AS b
        ON b.orchestrator_run_id = a.orchestrator_run_id
        AND (
            (
                a.trainer_ended_at - 60 <= b.trainer_started_at
                AND a.trainer_first_step < b.trainer_first_step
                AND a.trainer_last_step < b.trainer_last_step
            )
            OR (
                b.trainer_ended_at - 60 <= a.trainer_started_at
                AND b.trainer_first_step < a.trainer_first_step
                AND b.trainer_last_step < a.trainer_last_step
            )
        )
    GROUP BY a.orchestrator_run_id, a.trainer_run_id
),
-- What the others of the same run have or may have: the next one for the first, the first for all
-- others. Runs apart are nobody's rival.
rivals AS (
    SELECT
        *,
        row_number() OVER of_orchestrator AS orchestrator_place,
        max(at_best) OVER (PARTITION BY orchestrator_run_id, apart) AS orchestrator_best,
        lead(at_best) OVER of_orchestrator AS orchestrator_next,
        row_number() OVER of_trainer AS trainer_place,
        max(at_best) OVER (PARTITION BY trainer_run_id, apart) AS trainer_best,
        lead(at_best) OVER of_trainer AS trainer_next
    FROM scored
    WINDOW
        of_orchestrator AS (
            PARTITION BY orchestrator_run_id, apart ORDER BY at_best DESC, trainer_run_id ASC
        ),
        of_trainer AS (
            PARTITION BY trainer_run_id, apart ORDER BY at_best DESC, orchestrator_run_id ASC
        )
),
settled AS (
    SELECT
        r.*,
        c.trainer_run_id IS NOT NULL AS restarted,
        CASE
            WHEN NOT apart THEN greatest(
                CASE WHEN orchestrator_place = 1 THEN orchestrator_next ELSE orchestrator_best END,
                CASE WHEN trainer_place = 1 THEN trainer_next ELSE trainer_best END
            )
        END AS rival_score
    FROM rivals AS r
    LEFT JOIN chained AS c
        ON c.orchestrator_run_id = r.orchestrator_run_id AND c.trainer_run_id = r.trainer_run_id
)
SELECT
    orchestrator_run_id,
    trainer_run_id,
    NOT apart AND score >= 5 AND contradiction_score = 0 AND NOT restarted
    AND coalesce(rival_score <= score - 2, TRUE) AS accepted,
    CASE
        WHEN apart THEN 'the runs never ran at the same time'
        WHEN score < 5 AND NOT restarted THEN 'fewer than 5 points'
        WHEN restarted THEN
            'ambiguous: several trainers cover the orchestrator''s steps one after the other'
        WHEN rival_score > score THEN 'another candidate has or may have more points'
        WHEN rival_score > score - 2 THEN 'ambiguous: another candidate is less than 2 points below'
        WHEN contradiction_score < 0 THEN 'ambiguous: what the two runs say contradicts'
        ELSE 'accepted'
    END AS decision,
    CAST(score AS DOUBLE) AS score,
    concat_ws(
        '; ',
        CASE WHEN name_score > 0 THEN 'same name ' || stem || ' (+4)' END,
        CASE WHEN group_score > 0 THEN 'same group ' || run_group || ' (+3)' END,
        CASE
            WHEN other_name > 0 THEN
                'different names ' || stem || ' and ' || trainer_stem || ' (-4)'
        END,
        CASE
            WHEN other_group > 0 THEN
                'different groups ' || run_group || ' and ' || trainer_group || ' (-3)'
        END,
        CASE WHEN output_dir_score > 0 THEN 'same output_dir (+2)' END,
        CASE WHEN other_output_dir > 0 THEN 'different output_dir (-2)' END,
        CASE WHEN model_score > 0 THEN 'same model.name (+1)' END,
        CASE WHEN max_steps_score > 0 THEN 'same max_steps (+1)' END,
        CASE WHEN async_score > 0 THEN 'same async_level (+0.5)' END,
        CASE WHEN broadcast_score > 0 THEN 'same weight_broadcast.type (+0.5)' END,
        CASE
            WHEN start_gap <= 120 THEN
                'same start within ' || CAST(round(start_gap, 1) AS VARCHAR) || ' s (+2)'
            WHEN start_gap <= 900 THEN
                'starts ' || CAST(CAST(round(start_gap / 60) AS BIGINT) AS VARCHAR)
                || ' min apart (+1)'
            WHEN start_gap <= 3600 THEN
                'starts ' || CAST(CAST(round(start_gap / 60) AS BIGINT) AS VARCHAR)
                || ' min apart (0)'
            WHEN start_gap > 3600 THEN
                'starts ' || CAST(CAST(round(start_gap / 60) AS BIGINT) AS VARCHAR)
                || ' min apart (-3)'
        END,
        CASE
            WHEN overlap_share IS NOT NULL THEN
                'ran together for '
                || CAST(CAST(floor(overlap_share * 100) AS BIGINT) AS VARCHAR)
                || ' % of the shorter run'
                || CASE WHEN overlap_share >= 0.8 THEN ' (+2)' ELSE ' (0)' END
        END,
        CASE
            WHEN last_step_score > 0
                THEN 'same last step ' || CAST(CAST(last_step AS BIGINT) AS VARCHAR) || ' (+1)'
        END,
        CASE
            WHEN apart THEN 'never ran at the same time (-5)'
            WHEN NOT checkable THEN 'data not checked: no times'
            WHEN NOT checked THEN 'data not checked: 5 better candidates'
            WHEN joined_steps < 20 THEN
                'only ' || CAST(joined_steps AS VARCHAR) || ' common steps, 20 needed (0)'
            WHEN data_score > 0 THEN
                'trainer not before orchestrator at '
                || CAST(joined_steps - trainer_first_steps AS VARCHAR) || ' of '
                || CAST(joined_steps AS VARCHAR) || ' common steps (+2)'
            ELSE
                'trainer before orchestrator at '
                || CAST(trainer_first_steps AS VARCHAR) || ' of '
                || CAST(joined_steps AS VARCHAR) || ' common steps (-5)'
        END
    ) AS evidence,
    CAST(rival_score AS DOUBLE) AS rival_score,
    CAST(name_score AS DOUBLE) AS name_score,
    CAST(group_score AS DOUBLE) AS group_score,
    CAST(config_score AS DOUBLE) AS config_score,
    CAST(start_score AS DOUBLE) AS start_score,
    CAST(overlap_score AS DOUBLE) AS overlap_score,
    CAST(last_step_score AS DOUBLE) AS last_step_score,
    CAST(data_score AS DOUBLE) AS data_score,
    CAST(contradiction_score AS DOUBLE) AS contradiction_score,
    restarted,
    start_gap,
    overlap_share,
    joined_steps,
    trainer_first_steps,
    orchestrator_role,
    trainer_role
FROM settled
