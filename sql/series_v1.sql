-- series: which metrics a run has, what each means, and how much of it there is
-- row: a metric of a run
-- note: a reward metric that never was a number has a row with samples 0 and no kind
-- column run_id VARCHAR: the run
-- column role VARCHAR: its role
-- column metric VARCHAR: the key as logged
-- column writer VARCHAR: who logs it, orchestrator or trainer; NULL where it cannot be told
-- column kind VARCHAR: reward, reward_component, loss, entropy, kl, grad_norm, lr, response_length, truncation, throughput, step_time, total_tokens (since the start) or step_tokens (of each step); NULL for any other
-- column kind_rank BIGINT: 1 is the run's main metric of that kind
-- column samples BIGINT: finite values
-- column nonfinite BIGINT: values that are NaN or Infinity
-- column first_step BIGINT: first step at which it was logged
-- column last_step BIGINT: last step at which it was logged
-- column axis VARCHAR: the key that counts its steps, where they are not the run's own (step_key in runs) and nothing else can be joined to them by step; else NULL
-- column sign BIGINT: -1 where what is logged is the negative of its kind, such as SB3's entropy_loss of the entropy; else 1
-- column not_numbers BIGINT: log rows in which it is a text or a list, which is in history only; counted for reward metrics, NULL for others
SELECT
    run_id,
    role,
    metric,
    writer,
    kind,
    kind_rank,
    samples,
    nonfinite,
    first_step,
    last_step,
    axis,
    sign,
    not_numbers
FROM stored_series
