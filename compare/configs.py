"""The settings of trainings: one text for each key, over both runs of a pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dakota_wh.compare.subjects import Subjects
from dakota_wh.compare.trainings import Training
from dakota_wh.warehouse.snapshot import Snapshot

#: Integers beyond this have digits that a double lacks.
_EXACT: Final = 2**53

#: A training's settings: key to text.
Config = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A key that the subjects do not agree on: the distinct texts of each subject's trainings."""

    key: str
    #: By subject; empty where none of its trainings has the key.
    texts: Mapping[str, Sequence[str]]


def read_configs(snapshot: Snapshot, trainings: Iterable[Training]) -> dict[str, Config]:
    """Return the settings of each training, by its id.

    Where the two runs of a pair have the same key with different values, both are told.
    """
    asked = list(trainings)
    runs = [run_id for training in asked for run_id in training.run_ids]
    rows: dict[str, dict[str, str]] = {run_id: {} for run_id in runs}
    for row in snapshot.rows("config", runs):
        rows[row["run_id"]][row["key"]] = _text(row)
    return {training.training_id: _merged(training, rows) for training in asked}


def _text(row: Mapping[str, Any]) -> str:
    """Return a value's text, the same for a number however it was written."""
    value = row["value"]
    if value is not None and abs(value) < _EXACT:
        return str(int(value)) if value == int(value) else repr(float(value))
    text = row["text"]
    return "null" if text is None else str(text)


def _merged(training: Training, rows: Mapping[str, Mapping[str, str]]) -> Config:
    keys = {key for run_id in training.run_ids for key in rows[run_id]}
    merged = {}
    for key in sorted(keys):
        told = {run.side: rows[run.run_id][key] for run in training.runs if key in rows[run.run_id]}
        texts = list(dict.fromkeys(told.values()))
        merged[key] = (
            texts[0]
            if len(texts) == 1
            else ", ".join(f"{text} ({side})" for side, text in told.items())
        )
    return merged


def differences(subjects: Subjects, configs: Mapping[str, Config]) -> list[Difference]:
    """Return the keys whose values differ between the subjects, sorted.

    Seeds of a group may differ among themselves: a key counts where the sets of values do.
    """
    keys = {key for training in subjects.trainings for key in configs[training.training_id]}
    found = []
    for key in sorted(keys):
        texts = {}
        for subject in subjects.all:
            of = [configs[t.training_id].get(key) for t in subject.trainings]
            texts[subject.name] = sorted({text for text in of if text is not None})
        if any(one != texts[subjects.baseline.name] for one in texts.values()):
            found.append(Difference(key, texts))
    return found
