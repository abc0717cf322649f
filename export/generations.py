"""What the policy wrote: the texts and tables that a run logged under telling names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from dakota_wh.export.cells import rows_of
from dakota_wh.export.stored_run import StoredRun
from dakota_wh.ingest.exports.dialect import strict_token
from dakota_wh.ingest.source import KeyPath

#: Words of the guide for keys that hold generations.
_WORDS: Final = ("generation", "output", "example", "sample", "response")


def example_generations(run: StoredRun) -> list[dict[str, Any]]:
    """Return examples from the start, the quarters and the end: ``{"step": …, "generations": …}``.

    Only texts, lists and W&B's tables and media count: ``progress/samples`` is a number and no
    generation. An example is taken from the nearest row at or behind each of the guide's five
    places that has one; ``_step`` is its step.
    """
    keys = [
        key
        for key, name in run.columns.items()
        if any(word in name.lower() for word in _WORDS) and run.history.has_texts(key)
    ]
    rows = run.history.rows
    if not keys or not rows:
        return []
    places = sorted({0, rows // 4, rows // 2, 3 * rows // 4, rows - 1})
    examples: list[dict[str, Any]] = []
    last: dict[str, Any] | None = None
    for place, step, found in _rows(run, keys):
        last = {"step": step, "generations": found}
        if places and place >= places[0]:
            examples.append(last)
            places = [other for other in places if other > place]
    if last is not None and (not examples or examples[-1] is not last):
        examples.append(last)  # nothing lies behind the last place: what came before it
    return examples


def _rows(run: StoredRun, keys: list[KeyPath]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    place = 0
    for batch in run.history.batches(run.batch_rows, (("_step",), *keys)):
        for step, *tokens in rows_of(batch, [("_step",), *keys], str):
            found = {
                run.columns[key]: _said(token)
                for key, token in zip(keys, tokens, strict=True)
                if token and token[0] in '"[{' and len(token) > 2  # not an empty one
            }
            if found:
                yield place, place if step is None else int(float(step)), found
            place += 1


def _said(token: str) -> str:
    """Return a text as it is, anything else as JSON."""
    value = json.loads(strict_token(token))
    return value if isinstance(value, str) else strict_token(token)
