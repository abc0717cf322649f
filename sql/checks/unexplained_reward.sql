-- unexplained_reward: the reward is no weighted sum of the components that are logged beside it
-- parameter warning_r2 0.9: R² below which it is a warning, and not a remark
-- says: {metric} is no weighted sum of its {components} components: R² {r2}, largest residual {residual}
-- evidence: SELECT metric, state, r2, r2_of_changes, residual, evidence FROM reward_components WHERE run_id = {run_id}
SELECT
    run_id,
    CASE WHEN max(r2) < $warning_r2 THEN 'warning' ELSE 'info' END AS severity,
    any_value(reward_metric) AS metric,
    count(*) FILTER (WHERE state = 'no weighted sum') AS components,
    max(r2) AS r2,
    max(residual) AS residual
FROM reward_components_v1
GROUP BY run_id, role
HAVING count(*) FILTER (WHERE state = 'no weighted sum') > 0
