"""The tables of patterns against real keys of every framework: each row has one that it is for."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from dakota_wh.ingest import patterns, role

TABLE = Path(patterns.__file__).parent / "metric_kinds.csv"

E, F = "train/agg/effective", "train/agg/effective/solver"

#: Framework: how its logs call each kind, the main one first; ``-`` are keys without a kind.
KEYS: Mapping[str, Mapping[str, str]] = {
    "prime-rl before October 2025, orchestrator": {
        "reward": "reward/mean",
        "reward_component": "reward/affix_reward/mean reward/correct_answer/mean",
        "step_time": "time/step",
        "throughput": "perf/throughput",
        "-": "reward/min reward/max advantage/mean batch/solve_none progress/ckpt_step",
    },
    "prime-rl before October 2025, trainer": {
        "loss": "loss/mean",
        "entropy": "entropy/mean",
        "grad_norm": "optim/grad_norm",
        "lr": "optim/lr",
        "-": "importance_ratio/mean loss/std perf/mfu",
    },
    "prime-rl A orchestrator": {
        "reward": "reward/mean",
        "reward_component": "metrics/affix_reward metrics/exact_match_reward",
        "response_length": "completion_len/mean",
        "truncation": "is_truncated/mean",
        "throughput": "perf/throughput",
        "step_time": "time/step",
        "total_tokens": "progress/total_tokens",
        "step_tokens": "progress/tokens",
        "-": "progress/ckpt_step batch/solve_all completion_len/max val_reward/mean"
        " time/generate_completions progress/samples prompt_len/mean reward/wordle",
    },
    "prime-rl A trainer": {
        "loss": "loss/mean",
        "entropy": "entropy/mean",
        "kl": "mismatch_kl/mean",
        "grad_norm": "optim/grad_norm",
        "lr": "optim/lr",
        "throughput": "perf/throughput",
        "step_time": "time/step",
        "-": "loss/std entropy/median masked_mismatch_kl/mean trainer_probs/mean is_masked/mean"
        " perf/mfu perf/throughput_per_gpu time/wait_for_batch",
    },
    "prime-rl B": {
        "reward": "reward/mean",
        "reward_component": "metrics/f",
        "response_length": "decode_len/mean",
        "-": "reward/std reward/median batch/async_level batch/off_policy_level/mean"
        " progress/ckpt_step eval/aime/avg@8 error/mean num_turns/mean prefill_len/mean",
    },
    "prime-rl C and D": {
        "reward": "reward/all/mean",
        "reward_component": "metrics/wordle/correct metrics/wordle/turns",
        "response_length": "decode_len/all/mean",
        "truncation": "is_truncated/all/mean",
        "entropy": "entropy/all/mean",
        "kl": "mismatch_kl/all/mean",
        "-": "reward/wordle/mean solve_all/all scheduler/async_level watcher/policy_version"
        " dispatcher/off_policy_level_mean entropy/wordle/mean mismatch_kl/wordle/mean",
    },
    "prime-rl E": {
        "reward": f"{E}/reward/mean",
        "reward_component": f"{E}/metrics/turns/mean {E}/rewards/win/mean"
        " train/wordle/effective/metrics/turns/mean",
        "response_length": f"{E}/num_output_tokens/mean",
        "truncation": f"{E}/is_truncated/mean",
        "loss": "loss/mean",
        "entropy": "entropy/all/mean",
        "kl": "mismatch_kl/all/mean",
        "grad_norm": "optim/grad_norm",
        "lr": "optim/lr",
        "-": "train/agg/all/reward/mean train/wordle/effective/reward/mean off_policy/mean"
        f" {E}/reward/max {E}/reward/p90 {E}/metrics/turns/max eval/aime/effective/avg@8",
    },
    "prime-rl F": {
        "reward": f"{F}/reward/mean",
        "reward_component": f"{F}/metrics/turns/mean {F}/rewards/win/mean",
        "response_length": f"{F}/num_output_tokens/mean",
        "truncation": f"{F}/is_truncated/mean",
        "-": "train/agg/all/solver/reward/mean off_policy/in_flight/mean"
        " eval/aime/effective/s/avg@8 inference/agg/kv_cache/mean",
    },
    "verl": {
        "reward": "critic/score/mean critic/rewards/mean",
        "loss": "actor/pg_loss",
        "kl": "actor/ppo_kl actor/kl_loss actor/reward_kl_penalty",
        "entropy": "actor/entropy",
        "grad_norm": "actor/grad_norm",
        "lr": "actor/lr",
        "response_length": "response_length/mean",
        "truncation": "response_length/clip_ratio",
        "step_tokens": "perf/total_num_tokens",
        "throughput": "perf/throughput",
        "step_time": "timing_s/step perf/time_per_step",
        "-": "timing_s/gen perf/mfu/actor critic/score/max critic/rewards/min"
        " val-core/gsm8k/acc/mean@1 val-aux/gsm8k/reward/mean@1 response_length/max",
    },
    "trl": {
        "reward": "train/reward",
        "reward_component": "train/rewards/accuracy_reward/mean train/rewards/format/mean",
        "loss": "train/loss",
        "kl": "train/kl",
        "entropy": "train/entropy",
        "grad_norm": "train/grad_norm",
        "lr": "train/learning_rate",
        "response_length": "train/completions/mean_length",
        "truncation": "train/completions/clipped_ratio",
        "total_tokens": "train/num_tokens",
        "step_time": "train/step_time",
        "-": "train/rewards/accuracy_reward/std train/reward_std train/frac_reward_zero_std"
        " eval/reward eval/rewards/accuracy_reward/mean train/epoch",
    },
    "trl, older and without a prefix": {
        "reward": "reward",
        "reward_component": "rewards/accuracy_reward",
        "loss": "loss policy_loss",
        "response_length": "completions/mean_length",
        "-": "rewards/margins rewards/chosen reward_std",
    },
    "trl-ppo": {
        "reward": "objective/rlhf_reward objective/scores",
        "reward_component": "objective/non_score_reward",
        "loss": "loss/policy_avg loss/value_avg",
        "kl": "objective/kl policy/approxkl_avg",
        "entropy": "policy/entropy_avg objective/entropy",
        "lr": "lr",
        "-": "val/num_eos_tokens val/ratio episode",
    },
    "trl dpo": {
        "loss": "train/loss",
        "grad_norm": "train/grad_norm",
        "lr": "train/learning_rate",
        "-": "eval/loss train/mean_token_accuracy",
    },
    "openrlhf": {
        "reward": "train/reward",
        "loss": "train/policy_loss train/critic_loss",
        "kl": "train/kl",
        "grad_norm": "train/actor_grad_norm",
        "lr": "train/actor_lr",
        "response_length": "train/response_length",
        # The mean entropy, whose multiple the loss is less.
        "entropy": "train/entropy_loss",
        "step_time": "train/timing/step_total",
        "-": "train/timing/generation eval/eval_gsm8k_pass1 dynamic_filtering_pass_rate",
    },
    "nemo-rl": {
        "reward": "train/reward",
        "loss": "train/loss",
        "kl": "train/kl_penalty",
        "entropy": "train/approx_entropy",
        "grad_norm": "train/grad_norm",
        "lr": "train/lr",
        "response_length": "train/gen_tokens_per_sample/mean train/mean_gen_tokens_per_sample",
        "truncation": "train/truncation_rate",
        "step_tokens": "train/total_num_tokens",
        "-": "train/token_mult_prob_error validation/accuracy train/sampling_importance_ratio",
    },
    "skyrl": {
        "reward": "reward/avg_raw_reward loss/avg_final_rewards",
        "reward_component": "environment/acc",
        "loss": "policy/policy_loss policy/final_loss",
        "kl": "policy/policy_kl loss/avg_kl",
        "entropy": "policy/policy_entropy",
        "grad_norm": "policy/grad_norm policy/raw_grad_norm",
        "lr": "policy/lr policy/policy_lr",
        "response_length": "generate/avg_num_tokens",
        "-": "reward/avg_pass_at_8 eval/all/avg_score async/staleness_mean",
    },
    "slime": {
        "reward": "rollout/raw_reward rollout/rewards",
        "loss": "train/loss train/pg_loss",
        "kl": "train/ppo_kl train/kl_loss",
        "entropy": "rollout/entropy",
        "grad_norm": "train/grad_norm",
        "lr": "train/lr-pg_0",
        "response_length": "rollout/response_len/mean",
        "-": "train/entropy_loss eval/aime train/train_rollout_logprob_abs_diff rollout/step",
    },
    "areal": {
        "reward": "ppo_actor/task_reward/avg rollout/reward",
        "loss": "ppo_actor/update/actor_loss/avg ppo_actor/update/loss/avg",
        "kl": "ppo_actor/kl_rewards/avg",
        "entropy": "ppo_actor/update/entropy/avg",
        "grad_norm": "ppo_actor/update/grad_norm",
        "lr": "ppo_actor/update/lr",
        "response_length": "ppo_actor/seq_len/avg",
        "truncation": "ppo_actor/no_eos_ratios/avg",
        "-": "eval-rollout/reward ppo_actor/seq_len/max",
    },
    "rllm over verl": {
        "reward": "reward/solver/mean",
        "loss": "actor/pg_loss",
        "kl": "actor/ppo_kl actor/kl_loss",
        "entropy": "actor/entropy",
        "grad_norm": "actor/grad_norm",
        "lr": "actor/lr",
        "response_length": "episode/response_tokens",
        "-": "val/aime/pass@1 batch/solver/fractions/effective",
    },
    "rllm over tinker": {
        "reward": "reward/solver/mean",
        "kl": "optim/kl_sample_train_v1 optim/kl_sample_train_v2",
        "entropy": "optim/entropy",
        "lr": "optim/lr",
        "-": "batch/solver/fractions/too_easy",
    },
    "tinker": {
        "reward": "env/all/reward/total",
        "reward_component": "env/all/ledger/affix_norm env/all/ledger/affix_raw"
        " env/all/parse_success",
        "kl": "optim/kl_sample_train_v1 optim/kl_sample_train_v2",
        "entropy": "optim/entropy",
        "lr": "optim/lr",
        "response_length": "env/all/ac_tokens_per_turn",
        "-": "env/all/by_group/frac_mixed env/all/total_episodes env/all/turns_per_episode"
        " test/env/all/reward/total env/dakota/reward/total env/all/total_ob_tokens",
    },
    "verifiers": {
        "reward": "train/reward",
        "reward_component": "train/reward/correct_answer",
        "loss": "train/loss",
        "kl": "train/mismatch_kl",
        "entropy": "train/entropy",
        "grad_norm": "train/grad_norm",
        "lr": "train/learning_rate",
        "response_length": "train/tokens/completion",
        "-": "train/reward/std train/tokens/masked_fraction train/importance_ratio",
    },
    "sb3": {
        "reward": "rollout/ep_rew_mean",
        "loss": "train/loss train/policy_gradient_loss train/actor_loss train/value_loss",
        "kl": "train/approx_kl",
        "lr": "train/learning_rate",
        "episode_length": "rollout/ep_len_mean",
        # The negative of an entropy, see the test of signs.
        "entropy": "train/entropy_loss",
        "throughput": "time/fps",
        "-": "eval/mean_reward rollout/success_rate time/total_timesteps",
    },
    "any": {
        "reward": "mean_reward",
        "loss": "policy_loss",
        "entropy": "entropy",
        "kl": "approx_kl",
        "grad_norm": "grad_norm",
        "lr": "lr",
        "-": "accuracy reward_std eval/reward",
    },
    "else": {
        "reward": "my/Total_Reward my/game_score",
        "loss": "train/loss",
        "-": "my/reward_std my/reward/p90 my/score_max eval/game_score val_reward/x"
        " my-test-reward/a my/value my/reward_count",
    },
}

#: Whole logs of one run: not those that one of two processes writes.
SINGLE = [name for name in KEYS if not name.startswith("prime-rl") and name != "trl dpo"]

every = pytest.mark.parametrize("name", KEYS)


def split(kinds: Mapping[str, str]) -> list[tuple[str, str, int]]:
    return [
        (key, kind, rank)
        for kind, keys in kinds.items()
        for rank, key in enumerate(keys.split(), 1)
        if kind != "-"
    ]


@every
def test_keys_have_their_kinds_and_ranks(name: str) -> None:
    keys = [key for keys in KEYS[name].values() for key in keys.split()]
    assert len(keys) == len(set(keys))
    found = {key: (kind.kind, kind.rank) for key, kind in patterns.kinds(keys).items()}
    assert found == {key: (kind, rank) for key, kind, rank in split(KEYS[name])}


@every
def test_the_framework_is_found(name: str) -> None:
    keys = [key for keys in KEYS[name].values() for key in keys.split()]
    own = name.split(" ")[0].rstrip(",")
    expected = None if own in ("any", "else") or name == "trl dpo" else own
    assert patterns.framework(keys) == expected


@pytest.mark.parametrize("name", SINGLE)
def test_one_run_holds_it_all(name: str) -> None:
    keys = [key for keys in KEYS[name].values() for key in keys.split()]
    assert role.detect(keys, None, {}).role == "single"


def test_every_row_of_the_table_is_for_a_key() -> None:
    tried = {
        (name.split(" ")[0].rstrip(","), kind, key)
        for name, kinds in KEYS.items()
        for key, kind, _ in split(kinds)
    }
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            mine = [k for f, kind, k in tried if (f, kind) == (row["framework"], row["kind"])]
            assert any(re.search(row["pattern"], key) for key in mine), row


def test_signs() -> None:
    """SB3's entropy_loss is -mean(entropy), OpenRLHF's the mean itself."""
    keys = ["rollout/ep_rew_mean", "train/entropy_loss", "train/approx_kl"]
    assert {k: kind.sign for k, kind in patterns.kinds(keys).items()} == {
        "rollout/ep_rew_mean": 1,
        "train/entropy_loss": -1,
        "train/approx_kl": 1,
    }
    assert patterns.kinds(["train/actor_lr", "train/entropy_loss"])["train/entropy_loss"].sign == 1


@pytest.mark.parametrize(
    "key",
    [
        "reward_model_loss",
        "reward_compute_time",
        "rewardModelLoss",
        "score/errors",
        "reward.penalty",
        "my reward cost",
        "reward_std_dev",
        "LOSS of reward",
        "reward_latency_ms",
        "reward/kl_coef",
    ],
)
def test_what_a_name_says_beside_reward_may_make_it_none(key: str) -> None:
    assert patterns.kinds([key, "accuracy"]) == {}


@pytest.mark.parametrize(
    "key",
    [
        "gloss_score",
        "lifetime_reward",
        "rewards of sometimes",
        "costume_reward",
        "reward\nin two lines",
        "standard_score",
        "avgScore",
    ],
)
def test_a_word_within_a_word_is_none(key: str) -> None:
    assert patterns.kinds([key, "accuracy"])[key] == patterns.Kind("reward", 1)


def test_a_name_with_reward_in_it_counts_only_where_nothing_else_is_the_reward() -> None:
    keys = ["critic/score/mean", "my/total_reward", "critic/advantages/mean"]
    assert set(patterns.kinds(keys)) == {"critic/score/mean"}
    assert patterns.kinds(["my/total_reward"])["my/total_reward"].rank == 1
