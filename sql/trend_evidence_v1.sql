-- trend_evidence: how sure is it that a metric rises or falls, and does it still?
-- row: a metric of a run with more than 10 samples
-- formula: beside the half split of reward_trends: Mann-Kendall and Theil-Sen on 20 means of equal parts, how much these parts hang together, least squares, autocorrelation, an interval for the difference of the halves from means of 10 batches each, and the same tests on the last quarter
-- note: verdict: rising or falling where |mk_z| >= 1.96, the difference of the halves has the same sign, and it is no slow wandering: the parts hardly turn back (turned_back <= 0.2); or there are 8 effective_parts and |mk_z_adjusted| >= 1.96; or the batches of the halves are worth 8 independent ones, and the interval excludes 0 though widened for how they hang together. Without the latter it is too correlated, as in compare: one draw of a slow wandering looks the same
-- note: for a kind that is better high or low (column better) the words are improving or degrading. A loss, entropy, KL, gradient norm, learning rate or length is neither good nor bad by itself
-- note: where Mann-Kendall sees no trend it is no steady trend if the parts moved all the same (shape is not level: it fell at once and stayed there, or fell and rose again), else not distinguishable
-- note: of 100 metrics that only wander, with variance 1, so many are called rising or falling (1000 draws each): of white noise 4 or 5 at any length; where a value keeps 0.8 of the one before, 6 of 200 values and 3 of 1000; where it keeps 0.95, 13 of 20 values, 8 of 200, 7 of 1000; 0.99: 11 of 200, 9 of 1000. Worst is slow wandering below as much white noise, which hides it: 0.95: 24 of 50 values, 11 of 200, 8 of 1000; 0.99: 38 of 100 values, 30 of 200, 8 of 1000. Without the look at autocorrelation these were 32, 56 and 50 (0.95, 0.99, 0.99 with noise; 200 values). Of 100 real rises by 1 in 200 values with white noise of 0.3 it calls 94 or more; where that noise keeps 0.8, 40 that level off, 85 that go on to the end. benchmarks/trend_verdicts.py prints the whole table
-- note: support holds the verdict beside the plain interval of the difference of the halves, which is not the more cautious of the two: it excludes 0 about as often as |mk_z| >= 1.96 where there is nothing (white noise 5 and 5 of 100, 200 values that keep 0.95 of the one before 36 and 32), and it is wide where a learning curve fills a half
-- note: tail_state says rising or falling of 3 to 8 in 100 metrics that only wander, and of 15 to 17 where slow wandering (0.95 with 100 or 200 values, 0.99) lies below as much white noise
-- note: shape looks at 20 means, each the median of itself and its neighbours, at the ends by Tukey's rule: a move counts that is 5 times their scatter (from how a part differs from the middle of its neighbours, in the median) and a fifth of their range; of white noise less than 1 in 100 are not level, of values that keep 0.95 of the one before 26 (200 values) and 2 (1000)
-- note: parameters: |z| 1.96; turned back 0.2 (tail 0.1); 8 effective parts, batches or tail values, 5 effective parts of the tail; an interval needs 50 samples in the smaller half, a tail state 40 samples in all; last_mean: 100 samples; the parts and batches are those of metric_parts, the tail that of metric_frames (the last quarter, at least 10 samples)
-- note: of a constant metric every slope and difference is 0, and what divides by its spread is NULL
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column samples BIGINT: finite values, n
-- column verdict VARCHAR: improving, degrading, rising, falling, too correlated, no steady trend, not distinguishable, or constant
-- column support VARCHAR: both tests, trend test only, interval only, neither, or the two disagree (the parts rise and the halves fall, or the reverse)
-- column shape VARCHAR: what its parts do: level; rose or fell, also in the first half or in the second half where that is all of it; rose, then fell; fell, then rose; or up and down
-- column tail_state VARCHAR: what the last quarter does: rising, falling, flat (no trend seen in it), too correlated to say, or too short to say
-- column half_difference DOUBLE: mean of the second half - mean of the first half
-- column half_difference_low DOUBLE: lower end of its 95 % interval
-- column half_difference_high DOUBLE: upper end of its 95 % interval
-- column half_difference_se DOUBLE: standard error of half_difference, from the spread of batch means
-- column last_mean DOUBLE: mean of the last 100 samples: a better "final" than one noisy value
-- column last_samples BIGINT: samples in last_mean
-- column theil_sen_slope DOUBLE: median slope between any two of the 20 parts (per step): a slope that outliers do not move; exact in theil_sen
-- column ols_slope DOUBLE: least-squares slope (per step)
-- column ols_r2 DOUBLE: share of the variance that the least-squares line explains
-- column mk_bins BIGINT: parts, 20 or as many as there are samples
-- column mk_s BIGINT: Mann-Kendall's S: pairs of parts that rise - pairs that fall
-- column mk_tau DOUBLE: S / number of pairs
-- column mk_variance DOUBLE: variance of S without a trend, ties taken into account
-- column mk_z DOUBLE: S in standard deviations, with the continuity correction
-- column mk_significant BOOLEAN: |mk_z| >= 1.96, which takes the parts for independent
-- column mk_z_adjusted DOUBLE: mk_z for as many independent parts as effective_parts: mk_z * sqrt(effective_parts / mk_bins)
-- column effective_parts DOUBLE: mk_bins (1 - r) / (1 + r) for the lag-1 autocorrelation r of the parts around their straight line, freed of its bias r + (1 + 4 r) / mk_bins (Kendall 1954) and held between 0 and 0.95
-- column turned_back DOUBLE: the largest move of the parts against the trend / the largest with it, 0 for none; where a part has 5 values and the move with the trend is 6 standard errors of a part's mean under independent noise, 2 of them are taken off the move against it
-- column lag1_autocorrelation DOUBLE: correlation of each value with the next
-- column effective_samples DOUBLE: n (1 - r) / (1 + r) for a lag1_autocorrelation r above 0: how many independent values would say as much about the mean
-- column tail_samples BIGINT: samples of the last quarter
-- column tail_slope DOUBLE: its least-squares slope (per step)
-- column tail_first_mean DOUBLE: mean of its first half
-- column tail_second_mean DOUBLE: mean of its second half
-- column tail_z DOUBLE: Mann-Kendall's z on 10 means of its equal parts
-- column kind VARCHAR: what the metric is, from series; NULL for most
-- column better VARCHAR: high or low: which way is good, from metric_directions; NULL where neither is known to be
-- column first_step BIGINT: step of the first finite value
-- column last_step BIGINT: step of the last finite value
-- column completeness VARCHAR: verdict on the run's data, from runs
WITH parameters AS (
    SELECT
        10 AS more_samples_than,
        1.96 AS critical_z,
        50 AS least_half,
        2e-1 AS most_turned_back,
        1e-1 AS most_turned_back_in_tail,
        5 AS least_per_part,
        2 AS errors_off,
        6 AS least_errors,
        8 AS least_effective,
        5 AS least_effective_in_tail,
        95e-2 AS most_correlated,
        5 AS least_scatters,
        2e-1 AS least_of_range,
        -- 97.5 % quantile of Student's t with 18 degrees of freedom: 10 batches each, less 2 means.
        2.10092204024096 AS t_quantile,
        40 AS least_for_tail,
        100 AS last_values
),
-- metrics is named where it is read, never in a relation that is read twice, here and in the two
-- views below: a filter by run then reaches its files.
-- Names are long to group by: a number stands for each until the end.
frames AS (
    SELECT
        run_id,
        role,
        metric,
        samples,
        first_step,
        last_step,
        low,
        high,
        unit,
        centre,
        spread,
        half,
        tail,
        row_number() OVER (PARTITION BY run_id ORDER BY role ASC, metric ASC) AS series
    FROM metric_frames_v1
),
points AS (
    SELECT
        f.run_id,
        f.role,
        f.metric,
        f.series,
        CAST(m.step AS DOUBLE) - CAST(f.last_step AS DOUBLE) AS x,
        coalesce((m.value / NULLIF(f.unit, 0) - f.centre) / NULLIF(f.spread, 0), 0e0) AS y,
        m.ord = 0 AS is_first,
        m.ord = f.samples - 1 AS is_last,
        m.ord >= f.half AS in_second_half,
        m.ord >= f.samples - p.last_values AS in_last,
        m.ord >= f.samples - f.tail AS in_tail,
        m.ord >= f.samples - f.tail + f.tail // 2 AS in_tail_second,
        m.ord,
        f.samples,
        f.half,
        f.tail,
        f.first_step,
        f.last_step,
        f.low,
        f.high,
        f.unit,
        f.centre,
        f.spread
    FROM frames AS f
    INNER JOIN metrics_v1 AS m
        ON m.run_id = f.run_id AND m.role = f.role AND m.metric = f.metric
    CROSS JOIN parameters AS p
    WHERE f.samples > p.more_samples_than AND m.ord IS NOT NULL
),
followed AS (
    SELECT
        *,
        lag(y) OVER (PARTITION BY run_id, series ORDER BY ord ASC) AS previous,
        lag(in_tail) OVER (PARTITION BY run_id, series ORDER BY ord ASC) AS previous_in_tail
    FROM points
),
-- In its frame a metric's mean is at most a standard deviation from 0 (the median), so that these
-- sums, in which the mean is taken out afterwards, lose no digits.
sums AS (
    SELECT
        run_id,
        min(role) AS role,
        min(metric) AS metric,
        min(samples) AS n,
        min(half) AS half,
        min(tail) AS tail,
        min(first_step) AS first_step,
        min(last_step) AS last_step,
        min(low) AS low,
        min(high) AS high,
        min(unit) AS unit,
        min(centre) AS centre,
        min(spread) AS spread,
        avg(x) AS mean_x,
        avg(y) AS mean_y,
        sum(x * x) AS xx,
        sum(x * y) AS xy,
        sum(y * y) AS yy,
        sum(y * previous) AS lagged,
        avg((y - previous) * (y - previous)) AS step_square,
        sum(y) AS y,
        max(y) FILTER (WHERE is_first) AS first_y,
        max(y) FILTER (WHERE is_last) AS last_y,
        avg(y) FILTER (WHERE NOT in_second_half) AS first_half,
        avg(y) FILTER (WHERE in_second_half) AS second_half,
        avg(y) FILTER (WHERE in_last) AS last_mean,
        count(*) FILTER (WHERE in_last) AS last_samples,
        avg(x) FILTER (WHERE in_tail) AS tail_mean_x,
        avg(y) FILTER (WHERE in_tail) AS tail_mean_y,
        sum(x * x) FILTER (WHERE in_tail) AS tail_xx,
        sum(x * y) FILTER (WHERE in_tail) AS tail_xy,
        sum(y * y) FILTER (WHERE in_tail) AS tail_yy,
        sum(y * previous) FILTER (WHERE previous_in_tail) AS tail_lagged,
        sum(y + previous) FILTER (WHERE previous_in_tail) AS tail_ends,
        avg(y) FILTER (WHERE in_tail AND NOT in_tail_second) AS tail_first,
        avg(y) FILTER (WHERE in_tail_second) AS tail_second,
        max(y) FILTER (WHERE in_tail) - min(y) FILTER (WHERE in_tail) AS tail_spread
    FROM followed
    GROUP BY run_id, series
),
moments AS (
    SELECT
        *,
        xx - n * mean_x * mean_x AS sxx,
        xy - n * mean_x * mean_y AS sxy,
        yy - n * mean_y * mean_y AS syy,
        lagged - mean_y * (y - first_y + y - last_y) + (n - 1) * mean_y * mean_y AS syl,
        tail_xx - tail * tail_mean_x * tail_mean_x AS tail_sxx,
        tail_xy - tail * tail_mean_x * tail_mean_y AS tail_sxy,
        tail_yy - tail * tail_mean_y * tail_mean_y AS tail_syy,
        tail_lagged - tail_mean_y * tail_ends + (tail - 1) * tail_mean_y * tail_mean_y AS tail_syl
    FROM sums
),
-- Means of parts are compared as FLOAT, so that rounding in their last digits makes no trend.
groups AS (
    SELECT
        run_id,
        series,
        scope,
        CASE WHEN scope IN ('whole', 'tail') THEN CAST(relative AS FLOAT) END AS mean,
        CASE WHEN scope IN ('first_half', 'second_half') THEN part END AS batch,
        min(role) AS role,
        min(metric) AS metric,
        count(*) AS t,
        max(relative) AS relative
    FROM metric_parts_v1
    GROUP BY
        run_id,
        series,
        scope,
        CASE WHEN scope IN ('whole', 'tail') THEN CAST(relative AS FLOAT) END,
        CASE WHEN scope IN ('first_half', 'second_half') THEN part END
),
-- Mann-Kendall's variance (times 18), less what groups of t equal means take from it.
variances AS (
    SELECT
        run_id,
        min(role) AS role,
        min(metric) AS metric,
        CAST(sum(t) FILTER (WHERE scope = 'whole') AS BIGINT) AS bins,
        CAST(sum(t * (t - 1) * (2 * t + 5)) FILTER (WHERE scope = 'whole') AS BIGINT) AS ties,
        CAST(sum(t) FILTER (WHERE scope = 'tail') AS BIGINT) AS tail_bins,
        CAST(sum(t * (t - 1) * (2 * t + 5)) FILTER (WHERE scope = 'tail') AS BIGINT) AS tail_ties,
        count(*) FILTER (WHERE scope = 'first_half') AS batches,
        stddev_samp(relative) FILTER (WHERE scope = 'first_half') AS first_spread,
        stddev_samp(relative) FILTER (WHERE scope = 'second_half') AS second_spread
    FROM groups
    GROUP BY run_id, series
),
-- The parts around their straight line: do neighbours hang together?
parts AS (
    SELECT
        run_id,
        series,
        role,
        metric,
        scope,
        part,
        relative,
        part - avg(part) OVER whole AS place,
        relative - avg(relative) OVER whole AS deviation,
        lag(relative) OVER in_order AS before,
        lead(relative) OVER in_order AS after,
        lag(relative) OVER in_order - avg(relative) OVER whole AS deviation_before,
        count(*) OVER whole AS parts
    FROM metric_parts_v1
    WINDOW
        whole AS (PARTITION BY run_id, series, scope),
        in_order AS (PARTITION BY run_id, series, scope ORDER BY part ASC)
),
sloped AS (
    SELECT
        *,
        CASE
            WHEN scope IN ('whole', 'tail')
                THEN
                    sum(place * deviation) OVER (PARTITION BY run_id, series, scope)
                    / NULLIF(sum(place * place) OVER (PARTITION BY run_id, series, scope), 0)
            ELSE 0e0
        END AS slope,
        -- An outlier that is alone in its part is no move: the median of it and its neighbours.
        coalesce(
            relative + before + after
            - greatest(relative, before, after) - least(relative, before, after),
            relative
        ) AS inner_smooth
    FROM parts
),
-- At the ends the third is where the next two point to (Tukey's end-point rule). Neighbour by
-- neighbour: DuckDB 1.5 cannot read lead(x, 2) in a view that 2.0 stored.
neighbours AS (
    SELECT
        *,
        lead(inner_smooth) OVER in_order AS right_smooth,
        lag(inner_smooth) OVER in_order AS left_smooth
    FROM sloped
    WINDOW in_order AS (PARTITION BY run_id, series, scope ORDER BY part ASC)
),
pointed AS (
    SELECT
        *,
        CASE
            WHEN before IS NULL AND after IS NOT NULL
                THEN 3 * right_smooth - 2 * lead(right_smooth) OVER in_order
            WHEN after IS NULL AND before IS NOT NULL
                THEN 3 * left_smooth - 2 * lag(left_smooth) OVER in_order
        END AS pointed_to,
        CASE
            WHEN before IS NULL THEN right_smooth
            WHEN after IS NULL THEN left_smooth
        END AS next_smooth
    FROM neighbours
    WINDOW in_order AS (PARTITION BY run_id, series, scope ORDER BY part ASC)
),
-- Batches are taken around the mean of their half.
rests AS (
    SELECT
        *,
        deviation - slope * place AS rest,
        deviation_before - slope * (place - 1) AS rest_before,
        coalesce(
            relative + next_smooth + pointed_to
            - greatest(relative, next_smooth, pointed_to) - least(relative, next_smooth, pointed_to),
            inner_smooth
        ) AS smooth
    FROM pointed
),
hanging AS (
    SELECT
        run_id,
        series,
        min(role) AS role,
        min(metric) AS metric,
        max(parts) FILTER (WHERE scope = 'whole') AS k,
        max(parts) FILTER (WHERE scope = 'tail') AS tail_k,
        max(parts) FILTER (WHERE scope = 'first_half') AS batches,
        -- What is left of a straight line by rounding does not hang together.
        CASE
            WHEN
                sum(rest * rest) FILTER (WHERE scope = 'whole')
                > 1e-20 * sum(deviation * deviation) FILTER (WHERE scope = 'whole')
                THEN
                    sum(rest * rest_before) FILTER (WHERE scope = 'whole')
                    / NULLIF(sum(rest * rest) FILTER (WHERE scope = 'whole'), 0)
        END AS r,
        CASE
            WHEN
                sum(rest * rest) FILTER (WHERE scope = 'tail')
                > 1e-20 * sum(deviation * deviation) FILTER (WHERE scope = 'tail')
                THEN
                    sum(rest * rest_before) FILTER (WHERE scope = 'tail')
                    / NULLIF(sum(rest * rest) FILTER (WHERE scope = 'tail'), 0)
        END AS tail_r,
        sum(rest * rest_before) FILTER (WHERE scope LIKE '%_half')
        / NULLIF(sum(rest * rest) FILTER (WHERE scope LIKE '%_half'), 0) AS half_r,
        max(smooth) FILTER (WHERE scope = 'whole' AND part = 0) AS first_part,
        max(smooth) FILTER (WHERE scope = 'whole' AND part = parts // 2) AS middle_part,
        max(smooth) FILTER (WHERE scope = 'whole' AND part = parts - 1) AS last_part,
        max(smooth) FILTER (WHERE scope = 'whole') AS highest_part,
        min(smooth) FILTER (WHERE scope = 'whole') AS lowest_part,
        -- Independent parts bend by sqrt(6) standard deviations, and half of them by 0.6745 times
        -- that at most. A smooth curve bends little.
        60527e-5 * median(abs(before - 2 * relative + after)) FILTER (WHERE scope = 'whole')
            AS scatter
    FROM rests
    GROUP BY run_id, series
),
unbiased AS (
    SELECT
        h.*,
        least(greatest(coalesce(h.r + (1 + 4 * h.r) / NULLIF(h.k, 0), 0e0), 0e0), p.most_correlated)
            AS rho,
        least(
            greatest(coalesce(h.tail_r + (1 + 4 * h.tail_r) / NULLIF(h.tail_k, 0), 0e0), 0e0),
            p.most_correlated
        ) AS tail_rho,
        least(
            greatest(coalesce(h.half_r + (1 + 4 * h.half_r) / NULLIF(h.batches, 0), 0e0), 0e0),
            p.most_correlated
        ) AS half_rho,
        greatest(
            p.least_scatters * h.scatter, p.least_of_range * (h.highest_part - h.lowest_part)
        ) AS a_move
    FROM hanging AS h
    CROSS JOIN parameters AS p
),
moved AS (
    SELECT
        u.*,
        first_part - lowest_part > a_move AND last_part - lowest_part > a_move AS up_again,
        highest_part - first_part > a_move AND highest_part - last_part > a_move AS down_again,
        abs(middle_part - first_part) <= p.least_of_range * abs(last_part - first_part) AS late,
        abs(last_part - middle_part) <= p.least_of_range * abs(last_part - first_part) AS early
    FROM unbiased AS u
    CROSS JOIN parameters AS p
),
shaped AS (
    SELECT
        run_id,
        role,
        metric,
        k * (1 - rho) / NULLIF(1 + rho, 0) AS effective_parts,
        tail_k * (1 - tail_rho) / NULLIF(1 + tail_rho, 0) AS tail_effective_parts,
        2 * batches * (1 - half_rho) / NULLIF(1 + half_rho, 0) AS effective_batches,
        (1 - rho) / NULLIF(1 + rho, 0) AS shrink,
        (1 - tail_rho) / NULLIF(1 + tail_rho, 0) AS tail_shrink,
        (1 + half_rho) / NULLIF(1 - half_rho, 0) AS half_stretch,
        CASE
            WHEN up_again AND down_again THEN 'up and down'
            WHEN up_again THEN 'fell, then rose'
            WHEN down_again THEN 'rose, then fell'
            WHEN abs(last_part - first_part) > a_move THEN
                CASE WHEN last_part > first_part THEN 'rose' ELSE 'fell' END
                || CASE
                    WHEN early THEN ' in the first half'
                    WHEN late THEN ' in the second half'
                    ELSE ''
                END
            ELSE 'level'
        END AS shape
    FROM moved
),
-- Every part against every later one.
pairs AS (
    SELECT
        a.run_id,
        a.series,
        a.role,
        a.metric,
        a.scope = 'whole' AS is_whole,
        (b.value / 8 - a.value / 8) / NULLIF(b.step - a.step, 0) AS slope,
        CASE
            WHEN CAST(b.relative AS FLOAT) > CAST(a.relative AS FLOAT) THEN 1
            WHEN CAST(b.relative AS FLOAT) < CAST(a.relative AS FLOAT) THEN -1
            ELSE 0
        END AS direction,
        CAST(b.relative AS FLOAT) - CAST(a.relative AS FLOAT) AS move
    FROM metric_parts_v1 AS a
    INNER JOIN metric_parts_v1 AS b
        ON b.run_id = a.run_id AND b.series = a.series AND b.scope = a.scope AND b.part > a.part
    WHERE a.scope = 'whole' OR a.scope = 'tail'
),
counted AS (
    SELECT
        run_id,
        min(role) AS role,
        min(metric) AS metric,
        CAST(sum(direction) FILTER (WHERE is_whole) AS BIGINT) AS s,
        CAST(sum(direction) FILTER (WHERE NOT is_whole) AS BIGINT) AS tail_s,
        median(slope) FILTER (WHERE is_whole) * 8 AS slope,
        greatest(max(move) FILTER (WHERE is_whole), 0) AS rise,
        greatest(max(-move) FILTER (WHERE is_whole), 0) AS fall,
        greatest(max(move) FILTER (WHERE NOT is_whole), 0) AS tail_rise,
        greatest(max(-move) FILTER (WHERE NOT is_whole), 0) AS tail_fall
    FROM pairs
    GROUP BY run_id, series
),
varied AS (
    SELECT
        c.run_id,
        c.role,
        c.metric,
        c.s,
        c.tail_s,
        c.slope,
        CASE
            WHEN c.s > 0 THEN c.rise
            WHEN c.s < 0 THEN c.fall
        END AS along,
        CASE
            WHEN c.s > 0 THEN c.fall
            WHEN c.s < 0 THEN c.rise
        END AS against,
        CASE
            WHEN c.tail_s > 0 THEN c.tail_fall / NULLIF(c.tail_rise, 0)
            WHEN c.tail_s < 0 THEN c.tail_rise / NULLIF(c.tail_fall, 0)
        END AS tail_turned_back,
        v.bins,
        v.batches,
        v.first_spread,
        v.second_spread,
        CAST(v.bins * (v.bins - 1) * (2 * v.bins + 5) - v.ties AS DOUBLE) / 18 AS variance,
        CAST(
            v.tail_bins * (v.tail_bins - 1) * (2 * v.tail_bins + 5) - v.tail_ties AS DOUBLE
        ) / 18 AS tail_variance
    FROM counted AS c
    INNER JOIN variances AS v
        ON v.run_id = c.run_id AND v.role = c.role AND v.metric = c.metric
),
tested AS (
    SELECT
        *,
        CASE
            WHEN s > 0 THEN (s - 1) / NULLIF(sqrt(variance), 0)
            WHEN s < 0 THEN (s + 1) / NULLIF(sqrt(variance), 0)
            WHEN variance > 0 THEN 0e0
        END AS z,
        CASE
            WHEN tail_s > 0 THEN (tail_s - 1) / NULLIF(sqrt(tail_variance), 0)
            WHEN tail_s < 0 THEN (tail_s + 1) / NULLIF(sqrt(tail_variance), 0)
            WHEN tail_variance > 0 THEN 0e0
        END AS tail_z
    FROM varied
),
-- What independent noise alone turns back is taken off, where parts are means of enough values: of
-- such noise half the mean square of the steps between neighbours is the variance.
noisy AS (
    SELECT
        o.run_id,
        o.role,
        o.metric,
        w.along,
        w.against,
        CASE
            WHEN o.n >= p.least_per_part * w.bins
                THEN sqrt(o.step_square / 2 * w.bins / NULLIF(o.n, 0))
            ELSE 0e0
        END AS part_error
    FROM moments AS o
    CROSS JOIN parameters AS p
    INNER JOIN tested AS w ON w.run_id = o.run_id AND w.role = o.role AND w.metric = o.metric
),
turned AS (
    SELECT
        n.run_id,
        n.role,
        n.metric,
        CASE
            WHEN n.along >= p.least_errors * n.part_error
                THEN greatest(n.against - p.errors_off * n.part_error, 0e0)
            ELSE n.against
        END / NULLIF(n.along, 0) AS turned_back
    FROM noisy AS n
    CROSS JOIN parameters AS p
),
-- Back to the metric's own scale, factor by factor: their product may leave DOUBLE's range.
results AS (
    SELECT
        o.run_id,
        o.role,
        o.metric,
        o.n,
        o.low,
        o.high,
        o.first_step,
        o.last_step,
        o.last_samples,
        o.tail,
        w.bins,
        w.s,
        w.variance,
        w.z,
        w.tail_z,
        b.turned_back,
        w.tail_turned_back,
        g.effective_parts,
        g.tail_effective_parts,
        g.effective_batches,
        g.half_stretch,
        g.shape,
        w.z * sqrt(g.shrink) AS adjusted_z,
        w.tail_z * sqrt(g.tail_shrink) AS adjusted_tail_z,
        CASE
            WHEN o.tail_spread > 0 AND o.tail_syl > 0
                THEN o.tail * (o.tail_syy - o.tail_syl) / NULLIF(o.tail_syy + o.tail_syl, 0)
            ELSE CAST(o.tail AS DOUBLE)
        END AS tail_effective,
        w.slope AS theil_sen_slope,
        (o.second_half - o.first_half) * o.spread * o.unit AS difference,
        CASE
            WHEN o.half >= p.least_half THEN
                sqrt(
                    (w.first_spread * w.first_spread + w.second_spread * w.second_spread)
                    / NULLIF(w.batches, 0)
                ) * o.spread * o.unit
        END AS standard_error,
        (o.centre + o.last_mean * o.spread) * o.unit AS last_mean,
        (o.centre + o.tail_first * o.spread) * o.unit AS tail_first_mean,
        (o.centre + o.tail_second * o.spread) * o.unit AS tail_second_mean,
        o.sxy / NULLIF(o.sxx, 0) * o.spread * o.unit AS ols_slope,
        CASE
            WHEN o.tail_spread = 0 THEN 0
            ELSE o.tail_sxy / NULLIF(o.tail_sxx, 0) * o.spread * o.unit
        END AS tail_slope,
        CASE WHEN o.low < o.high THEN o.sxy / NULLIF(o.sxx, 0) * (o.sxy / NULLIF(o.syy, 0)) END
            AS r2,
        CASE WHEN o.low < o.high THEN o.syl / NULLIF(o.syy, 0) END AS autocorrelation
    FROM moments AS o
    CROSS JOIN parameters AS p
    LEFT JOIN tested AS w ON w.run_id = o.run_id AND w.role = o.role AND w.metric = o.metric
    LEFT JOIN turned AS b ON b.run_id = o.run_id AND b.role = o.role AND b.metric = o.metric
    LEFT JOIN shaped AS g ON g.run_id = o.run_id AND g.role = o.role AND g.metric = o.metric
),
judged AS (
    SELECT
        r.*,
        r.difference - p.t_quantile * r.standard_error AS difference_low,
        r.difference + p.t_quantile * r.standard_error AS difference_high,
        CASE
            WHEN r.z >= p.critical_z AND r.difference > 0 THEN 1
            WHEN r.z <= -p.critical_z AND r.difference < 0 THEN -1
            ELSE 0
        END AS seen,
        coalesce(r.turned_back <= p.most_turned_back, FALSE)
        OR coalesce(
            r.effective_parts >= p.least_effective AND abs(r.adjusted_z) >= p.critical_z, FALSE
        )
        OR coalesce(
            r.effective_batches >= p.least_effective
            AND abs(r.difference) > p.t_quantile * sqrt(r.half_stretch) * r.standard_error,
            FALSE
        ) AS steady,
        coalesce(abs(r.z) >= p.critical_z, FALSE) AS significant,
        CASE
            WHEN r.difference - p.t_quantile * r.standard_error > 0 THEN 1
            WHEN r.difference + p.t_quantile * r.standard_error < 0 THEN -1
            ELSE 0
        END AS shift,
        CASE
            WHEN r.n < p.least_for_tail THEN 'too short to say'
            WHEN coalesce(abs(r.tail_z) < p.critical_z, TRUE) THEN 'flat'
            WHEN
                r.tail_turned_back > p.most_turned_back_in_tail
                AND (
                    r.tail_effective < p.least_effective
                    OR r.tail_effective_parts < p.least_effective_in_tail
                    OR abs(r.adjusted_tail_z) < p.critical_z
                )
                THEN 'too correlated to say'
            WHEN r.tail_z > 0 THEN 'rising'
            ELSE 'falling'
        END AS tail_state
    FROM results AS r
    CROSS JOIN parameters AS p
),
trends AS (
    SELECT
        *,
        CASE WHEN steady THEN seen ELSE 0 END AS trend
    FROM judged
),
kinds AS (
    SELECT
        s.run_id,
        s.role,
        s.metric,
        s.kind,
        d.better
    FROM series_v1 AS s
    LEFT JOIN metric_directions_v1 AS d
        ON d.run_id = s.run_id AND d.role = s.role AND d.metric = s.metric
)
SELECT
    j.run_id,
    j.role,
    j.metric,
    j.n AS samples,
    CASE
        WHEN j.low = j.high THEN 'constant'
        WHEN j.seen <> 0 AND j.trend = 0 THEN 'too correlated'
        WHEN j.trend = 0 AND j.shape <> 'level' THEN 'no steady trend'
        WHEN j.trend = 0 THEN 'not distinguishable'
        WHEN k.better IS NULL AND j.trend = 1 THEN 'rising'
        WHEN k.better IS NULL THEN 'falling'
        WHEN (k.better = 'high') = (j.trend = 1) THEN 'improving'
        ELSE 'degrading'
    END AS verdict,
    CASE
        WHEN j.trend <> 0 AND j.shift = j.trend THEN 'both tests'
        WHEN j.trend <> 0 THEN 'trend test only'
        WHEN j.significant AND j.seen = 0 THEN 'the two disagree'
        WHEN j.shift <> 0 THEN 'interval only'
        ELSE 'neither'
    END AS support,
    CASE WHEN j.low = j.high THEN 'level' ELSE coalesce(j.shape, 'level') END AS shape,
    j.tail_state,
    CASE WHEN abs(j.difference) <= 1.7976931348623157e308 THEN j.difference END
        AS half_difference,
    CASE WHEN abs(j.difference_low) <= 1.7976931348623157e308 THEN j.difference_low END
        AS half_difference_low,
    CASE WHEN abs(j.difference_high) <= 1.7976931348623157e308 THEN j.difference_high END
        AS half_difference_high,
    CASE WHEN j.standard_error <= 1.7976931348623157e308 THEN j.standard_error END
        AS half_difference_se,
    greatest(least(j.last_mean, j.high), j.low) AS last_mean,
    j.last_samples,
    CASE WHEN abs(j.theil_sen_slope) <= 1.7976931348623157e308 THEN j.theil_sen_slope END
        AS theil_sen_slope,
    CASE WHEN abs(j.ols_slope) <= 1.7976931348623157e308 THEN j.ols_slope END AS ols_slope,
    CASE WHEN j.r2 <= 1 THEN j.r2 WHEN j.r2 > 1 THEN 1e0 END AS ols_r2,
    j.bins AS mk_bins,
    j.s AS mk_s,
    j.s * 2 / NULLIF(j.bins * (j.bins - 1), 0) AS mk_tau,
    j.variance AS mk_variance,
    j.z AS mk_z,
    j.significant AS mk_significant,
    j.adjusted_z AS mk_z_adjusted,
    CASE WHEN j.low < j.high THEN j.effective_parts END AS effective_parts,
    j.turned_back,
    j.autocorrelation AS lag1_autocorrelation,
    CASE
        WHEN j.autocorrelation > 0
            THEN j.n * (1 - j.autocorrelation) / NULLIF(1 + j.autocorrelation, 0)
        WHEN j.autocorrelation <= 0 THEN CAST(j.n AS DOUBLE)
    END AS effective_samples,
    j.tail AS tail_samples,
    CASE WHEN abs(j.tail_slope) <= 1.7976931348623157e308 THEN j.tail_slope END AS tail_slope,
    greatest(least(j.tail_first_mean, j.high), j.low) AS tail_first_mean,
    greatest(least(j.tail_second_mean, j.high), j.low) AS tail_second_mean,
    j.tail_z,
    k.kind,
    k.better,
    j.first_step,
    j.last_step,
    c.completeness
FROM trends AS j
LEFT JOIN kinds AS k ON k.run_id = j.run_id AND k.role = j.role AND k.metric = j.metric
LEFT JOIN runs_v1 AS c ON c.run_id = j.run_id AND c.role = j.role
