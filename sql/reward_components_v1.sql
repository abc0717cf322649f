-- reward_components: what a run's reward is made of, with the weights that its values imply
-- row: a component of a run's reward
-- formula: ordinary least squares of the run's main reward on the components that move, over the steps at which all are finite; contribution = weight * (mean of the component's second half - mean of its first), halves at n // 2, more than 10 rows
-- note: the reward counts as a weighted sum where no residual exceeds 1e-6 of its range, or where r2 >= 0.999 and r2_of_changes >= 0.99; else weight is NULL and r2 says how far it is from one
-- note: the weight of a component that never moved cannot be found from the data: any weight explains it equally well
-- note: computed when the run is stored, since SQL is the wrong tool for it; `dakota-wh rebuild` computes it anew
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the component
-- column weight DOUBLE: its weight in the sum; NULL where it cannot be found, see state
-- column contribution DOUBLE: its part of the reward's half-split improvement; 0 for one that never moved; NULL where the weight is open, or for 10 rows or fewer
-- column share DOUBLE: contribution / improvement of the reward; NULL where that is 0
-- column dead BOOLEAN: whether it was always 0
-- column r2 DOUBLE: R² of the fit, the same for all components; NULL without a fit
-- column residual DOUBLE: greatest |reward - fit|
-- column reward_metric VARCHAR: the reward that is explained
-- column state VARCHAR: weighted; never moved; not separable (moves only together with others); too few steps; no weighted sum
-- column evidence VARCHAR: the same in words
-- column assumed_weight_left DOUBLE: an assumption, no finding: were the weights meant to sum to one, so much is left for all components that never moved, together; NULL where the values refute it: more than one is used up, or no weights of that sum explain the intercept
-- column intercept DOUBLE: constant of the fit: 0 unless the sum fits only with one
-- column r2_of_changes DOUBLE: R² of the same fit for step-to-step changes: low where only a trend is common
-- column samples BIGINT: steps of the fit; of the component's own values where it has none
-- column method BIGINT: version of the method that computed it
SELECT
    run_id,
    role,
    metric,
    weight,
    contribution,
    share,
    dead,
    r2,
    residual,
    reward_metric,
    state,
    evidence,
    assumed_weight_left,
    intercept,
    r2_of_changes,
    samples,
    method
FROM stored_components
