"""Answers that are no answers: read as far as they make sense, or refused in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.errors import NoSuchSource, SourceProblem, WarehouseError
from dakota_wh.ingest.wandb_api.answers import answer_of, next_cursor, nodes
from dakota_wh.ingest.wandb_api.beside import ApiBeside
from dakota_wh.ingest.wandb_api.run_address import RunAddress
from dakota_wh.ingest.wandb_api.run_record import found_run, read_record

RUN = RunAddress("r", "p", "e")
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
#: The members of an answer, whatever stands under them.
MEMBERS = ("project", "run", "edges", "node", "pageInfo", "endCursor", "hasNextPage", "name",
           "events", "files", "outputArtifacts", "inputArtifacts", "aliases", "alias", "tags",
           "artifactSequence", "historyKeys", "keys", "typeCounts", "count", "historyLineCount",
           "config", "summaryMetrics", "createdAt", "size", "versionIndex", "lastStep")  # fmt: skip
ANSWERS = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5)
    ),
    max_leaves=12,
)


class Saying:
    """A client that gives the same answer to every question."""

    can_query = True

    def __init__(self, text: str) -> None:
        self._text = text

    def on_stage(self, words: str) -> None:
        """Hear what is being fetched."""

    def query(self, text: str, variables: Mapping[str, Any], about: str) -> str:
        """Give the answer."""
        return self._text


def beside(answer: Any) -> ApiBeside:
    client: Any = Saying(json.dumps({"project": {"run": answer}}))
    return ApiBeside(client, RUN, Path())


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", '"x"', "null", "\ud800", "[" * 9999, '{"a":' * 500 + "1" + "}" * 500],
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(SourceProblem, match=r"W&B's answer for a run is no JSON"):
        answer_of(text, "a run")


def test_half_characters_and_long_numbers_do_no_harm() -> None:
    answer = answer_of('{"a": "\\ud800", "\\udfff": ' + "1" * 5000 + "}", "a run")
    assert answer == {"a": "\\ud800", "\\udfff": "1" * 5000}


@pytest.mark.parametrize(
    "project", [None, [], "p", 3, {}, {"run": None}, {"run": []}, {"run": "x"}]
)
def test_no_such_run(project: Any) -> None:
    with pytest.raises(NoSuchSource):
        found_run({"project": project}, RUN)


@given(ANSWERS)
def test_any_answer_is_a_record_or_refused(answer: Any) -> None:
    told = answer if isinstance(answer, dict) else {"config": answer, "tags": answer}
    try:
        record = read_record(RUN, told)
    except SourceProblem:
        return
    facts = record.facts(None)
    assert all(isinstance(tag, str) for tag in facts.tags)
    for count in (record.line_count, record.last_step, *record.key_counts.values()):
        assert count is None or abs(count) <= 2**62
    record.digest()


@given(ANSWERS)
def test_any_answer_has_files_and_system_metrics_or_is_refused(answer: Any) -> None:
    found = beside(answer)
    for call in (lambda: list(found.system(None).values), lambda: found.files(())):
        with suppress(WarehouseError):
            call()
    assert all(isinstance(node, dict) for node in nodes(answer))
    assert next_cursor(answer) is None or next_cursor(answer)


def test_a_page_without_end_is_asked_for_once() -> None:
    page = {"edges": [{"node": {"name": "a"}}], "pageInfo": {"hasNextPage": True, "endCursor": "c"}}
    assert [one.name for one in beside({"files": page}).files(()).files] == ["a", "a"]
    for cursor in ("", None, 3, ["c"]):
        page["pageInfo"] = {"hasNextPage": True, "endCursor": cursor}
        assert [one.name for one in beside({"files": page}).files(()).files] == ["a"]


def test_system_metrics_that_are_no_metrics_are_counted() -> None:
    events = [
        '{"system.gpu": 1.5, "_timestamp": 2}',
        "[]",
        "{",
        '{"a":' * 5000,
        '{"\\ud800": "\\ud800"}',
    ]
    reading = beside({"events": events}).system(None)
    (values,) = list(reading.values)
    assert (values.metric, values.token) == (["gpu", "\\ud800"], ["1.5", '"\\ud800"'])
    assert reading.lost == ["3 of them are no JSON objects"]
    with pytest.raises(SourceProblem, match="no list of rows"):
        beside({"events": [1]}).system(None)
