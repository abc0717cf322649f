"""Groups of seeds that nobody listed: by W&B group, by one setting, or by the whole config."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from dakota_wh.compare.configs import Config, read_configs
from dakota_wh.compare.subjects import Subjects, from_groups
from dakota_wh.compare.trainings import Training
from dakota_wh.errors import NothingFound, UsageProblem
from dakota_wh.warehouse.snapshot import Snapshot
from dakota_wh.warehouse.wildcards import matches

GROUP: Final = "group"
CONFIG: Final = "config"
_KEY: Final = f"{CONFIG}:"

#: Last part of keys that tell seeds of one method apart: what is drawn, named or written where.
_OF_A_SEED: Final = re.compile(
    r"(?:\w*_)?seed|(?:run_|exp_|experiment_)?name|run_id|\w*output_dir|\w*log_dir|\w*save_dir"
    r"|ckpt_dir|checkpoint_dir|host(?:name)?|\w*port"
)
_SECTION_OF_A_SEED: Final = re.compile(r"(?:.*\.)?(?:wandb|_wandb)\..*")
_KEYS_IN_A_NAME: Final = 3
#: A value is cut here in a group's name.
_LONGEST: Final = 40


def grouped(
    snapshot: Snapshot, trainings: Sequence[Training], by: str, ignore: Sequence[str]
) -> Subjects:
    """Return the trainings in groups.

    Args:
        snapshot: the warehouse.
        trainings: those to put into groups.
        by: ``group``, ``config``, or ``config:KEY``.
        ignore: further keys, by pattern with ``*`` and ``?``, that do not count in ``config``.

    Raises:
        UsageProblem: ``by`` is none of these, or the key could be several.
        NothingFound: no training has what is asked for, or all have the same.
    """
    if by == GROUP:
        return from_groups(_by_group(trainings), trainings, "W&B group")
    if by != CONFIG and not by.startswith(_KEY):
        raise UsageProblem(
            f"Runs cannot be grouped by {by!r}.", hint="Give group, config, or config:KEY"
        )
    configs = read_configs(snapshot, trainings)
    if by == CONFIG:
        return from_groups(_by_config(trainings, configs, ignore), trainings, CONFIG)
    key = _found_key(by.removeprefix(_KEY), configs)
    return from_groups(_by_key(trainings, configs, key), trainings, key)


def _by_group(trainings: Sequence[Training]) -> list[tuple[str, list[Training]]]:
    groups: dict[str, list[Training]] = {}
    for training in trainings:
        names = [run.facts["run_group"] for run in training.runs if run.facts["run_group"]]
        if names:
            groups.setdefault(names[0], []).append(training)
    return sorted(groups.items())


def _by_key(
    trainings: Sequence[Training], configs: Mapping[str, Config], key: str
) -> list[tuple[str, list[Training]]]:
    groups: dict[str, list[Training]] = {}
    for training in trainings:
        text = configs[training.training_id].get(key)
        if text is not None:
            groups.setdefault(text, []).append(training)
    texts = sorted(groups, key=_in_order)
    names = _apart([f"{_short(key)}={_cut(text)}" for text in texts])
    return [(name, groups[text]) for name, text in zip(names, texts, strict=True)]


def _found_key(asked: str, configs: Mapping[str, Config]) -> str:
    """Return the key that is meant: itself, else the one that ends in it."""
    keys = {key for one in configs.values() for key in one}
    if asked in keys:
        return asked
    ending = sorted(key for key in keys if key.endswith(f".{asked}"))
    if len(ending) == 1:
        return ending[0]
    if not ending:
        raise NothingFound(
            f"No run has the setting {asked!r}.", hint="The keys: dakota-wh query config --run RUN"
        )
    raise UsageProblem(f"{asked!r} may be {' or '.join(ending)}.", hint="Give the whole key.")


def _by_config(
    trainings: Sequence[Training], configs: Mapping[str, Config], ignore: Sequence[str]
) -> list[tuple[str, list[Training]]]:
    groups: dict[tuple[tuple[str, str], ...], list[Training]] = {}
    for training in trainings:
        config = configs[training.training_id]
        if not config:  # unknown, which is not the same as equal
            continue
        counted = {
            key: text
            for key, text in config.items()
            if not _of_a_seed(key) and not any(matches(key, pattern) for pattern in ignore)
        }
        groups.setdefault(tuple(sorted(counted.items())), []).append(training)
    distinct = [dict(items) for items in groups]
    keys = sorted({key for config in distinct for key in config})
    telling = [key for key in keys if len({config.get(key) for config in distinct}) > 1]
    names = _apart([_name(config, telling) for config in distinct])
    return sorted(zip(names, groups.values(), strict=True), key=lambda group: _in_order(group[0]))


def _apart(names: Sequence[str]) -> list[str]:
    """Number the names that are the same."""
    return [
        name if names.count(name) == 1 else f"{name} ({place})"
        for place, name in enumerate(names, 1)
    ]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _of_a_seed(key: str) -> bool:
    last = key.rpartition(".")[2]
    return bool(_OF_A_SEED.fullmatch(last) or _SECTION_OF_A_SEED.fullmatch(key))


def _name(config: Config, telling: Sequence[str]) -> str:
    shown = [f"{_short(key)}={_cut(config.get(key, 'none'))}" for key in telling[:_KEYS_IN_A_NAME]]
    return " ".join(shown) or "all"


def _short(key: str) -> str:
    return key.rpartition(".")[2]


def _in_order(text: str) -> list[tuple[int, float, str]]:
    """Sort numbers in a text by their size."""
    pieces = re.split(r"([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", text)
    return [
        (0, float(piece), "") if place % 2 else (1, 0.0, piece)
        for place, piece in enumerate(pieces)
    ]
