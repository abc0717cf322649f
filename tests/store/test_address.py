"""Which words are addresses of stores, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.errors import UsageProblem
from dakota_wh.store.address import is_address, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/a/b/", "s3://bucket/a/b"),
        ("S3://bucket/A b", "s3://bucket/A b"),
        ("s3a://bucket/a", "s3://bucket/a"),
        ("gcs://bucket/a", "gs://bucket/a"),
        ("abfs://container/a", "az://container/a"),
        ("memory://x/y", "memory://x/y"),
        ("file:///tmp/x/", "file:///tmp/x"),
        (str(Path("s3://bucket/a")), "s3://bucket/a"),  # pathlib makes one slash of two
    ],
)
def test_an_address(text: str, expected: str) -> None:
    assert is_address(text)
    assert str(parse(text)) == expected


@pytest.mark.parametrize(
    "text", ["./runs", "/runs", "runs", "C:/runs", "c:\\runs", "a:b", "~/x", "", "s3", "odd:/x"]
)
def test_a_folder(text: str) -> None:
    assert not is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *("s3://", "s3:///a", "s3://bucket//a", "s3://bucket/../a", "s3://bucket/./a"),
        *("ftp://host/a", "https://bucket.s3.amazonaws.com/a", "s3://bucket/a?versionId=1"),
        *("s3://bucket/a*", "s3://bucket/\x1b[31m", "file://relative", "s3://bucket/a\n"),
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem):
        parse(text)


def test_a_key_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageProblem) as refused:
        parse("s3://AKIA:hunter2hunter2@bucket/a")
    assert "hunter2" not in str(refused.value)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(rest: str) -> None:
    try:
        found = parse(f"s3://{rest}")
    except UsageProblem:
        return
    assert parse(str(found)) == found
    assert found.bucket
    assert found.place.isprintable()
