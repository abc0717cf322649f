"""A key of W&B that a log or an export holds is stored nowhere; everything else is as it was."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Action
from dakota_wh.ingest.wandb_api import sign_in
from dakota_wh.ingest.wandb_api.fetching import Fetch
from dakota_wh.ingest.wandb_log.find import find_logs
from dakota_wh.ingest.without_keys import clean_tree, keyless
from tests.ingest.kit import Log, land, parts, stored_run, write_csv, write_json

KEY = "wandbKEY0123456789abcdef0123456789abcdef0123"
#: As in ``Authorization: Basic …``, made by ``printf api:wandbKEY… | base64 -w0``.
BASIC = "YXBpOndhbmRiS0VZMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIz"
SAID = f'curl -H "Bearer {KEY}", {KEY} é'

CONFIG = {"env": {"WANDB_API_KEY": KEY, KEY: 1}, "args": ["x", {"key": SAID}], "lr": 0.5}
SUMMARY = {"_step": 2, "said": SAID, "basic": BASIC}
ROWS = [
    {"reward/mean": 0.25 * at, "said": SAID if at else "calm", f"of {KEY}": at, "basic": BASIC}
    for at in range(3)
]


def as_log(folder: Path) -> Path:
    log = Log(folder, "leaks").begin("leaks", CONFIG, name=f"run {KEY}", notes=SAID)
    return log.log(*ROWS).summarise(SUMMARY).end().write()


def as_csv(folder: Path) -> Path:
    said = {"name": f"run {KEY}", "notes": SAID, "tags": [KEY]}
    return write_csv(folder, "leaks", ROWS, summary=SUMMARY, config=CONFIG, **said)


def as_json(folder: Path) -> Path:
    said: dict[str, Any] = {"name": f"run {KEY}", "notes": SAID, "tags": [KEY]}
    return write_json(folder, "leaks", ROWS, summary=SUMMARY, config=CONFIG, **said)


Write = Callable[[Path], Path]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide this machine's key, and forget a given one after the test."""
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_CONFIG_DIR", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sign_in, "_GIVEN", {})


def stored(folder: Path) -> str:
    """Return all that stands in the Parquet files: names, values, metadata."""
    found = []
    for path in folder.rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        found.append(f"{path} {table.schema} {table.schema.metadata} {table.to_pylist()}")
    assert len(found) >= 5
    return "\n".join(found)


@pytest.mark.parametrize("write", [as_log, as_csv, as_json])
def test_a_key_is_stored_nowhere(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    path = write(tmp_path / "source")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert land(warehouse, path).rows == 3
    texts = stored(warehouse.path)
    assert KEY not in texts
    assert BASIC[8:-4] not in texts
    rows = warehouse.sql('SELECT "said::json", "of ***" FROM history ORDER BY 2').rows()
    clean = 'curl -H "Bearer ***", *** é'
    assert [(json.loads(said), at) for said, at in rows] == [("calm", 0), (clean, 1), (clean, 2)]
    config = {row["key"]: row["text"] for row in warehouse.query("config").dicts()}
    assert config["env.WANDB_API_KEY"] == "***"
    assert config["env.***"] == "1"
    assert json.loads(config["args"]) == ["x", {"key": clean}]
    assert stored_run(warehouse, "leaks")["name"] == "run ***"


def test_keys_of_every_place(warehouse: Warehouse, tmp_path: Path) -> None:
    """Given to this process; or of .netrc, for the server. A key that nobody knows stays."""
    path = as_log(tmp_path / "source")
    land(warehouse, path)
    assert KEY in stored(warehouse.path)
    other = "o" * 40
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text(f"machine api.wandb.ai login user password {KEY}\n")
    land(warehouse, path, force=True)
    warehouse.remove("leaks")
    land(warehouse, path)
    assert KEY not in stored(warehouse.path)
    (home / ".netrc").unlink()
    warehouse.remove("leaks")
    land(warehouse, path, fetch=Fetch(api_key=KEY))
    assert KEY not in stored(warehouse.path)
    assert KEY not in repr(Fetch(api_key=other))


def test_a_log_that_grows(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goes on from what was masked; what it remembers between is masked, too."""
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    log = Log(tmp_path, "grows").begin("grows", CONFIG).log(*ROWS)
    land(warehouse, log.write())
    landed = land(warehouse, log.log(*ROWS).summarise(SUMMARY).end().write())
    assert (landed.action, landed.rows, landed.new_rows) == (Action.GREW, 6, 3)
    assert KEY not in stored(warehouse.path)
    assert warehouse.sql('SELECT count("of ***") FROM history').rows() == [(6,)]
    assert land(warehouse, log.path).action is Action.UNCHANGED


@pytest.mark.parametrize("key", ["", "calm", "x" * 19])
def test_no_key_or_a_short_one_masks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", key)
    (source,) = find_logs(as_log(tmp_path))
    reading = source.read(None)
    assert keyless(reading) is reading
    list(reading.rows())


def test_names_that_only_the_key_told_apart(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    rows = [{f"of {KEY}": 1.5, "of ***": 2.5}]
    land(warehouse, write_json(tmp_path, "r", rows, config={KEY: 1, "***": 2}))
    [(names,)] = [(pq.read_schema(path).names,) for path in parts(warehouse, "history", "r")]
    assert {name for name in names if name.startswith("of")} == {"of ***", "of ****"}
    assert len(warehouse.query("config").rows()) == 2


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([KEY, f"a{KEY}b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.just(KEY), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=3), TREES, max_size=3))
def test_a_tree_is_masked_as_its_text_is(tree: dict[str, Any]) -> None:
    masked = json.loads(json.dumps(tree).replace(KEY, "###"))
    before = json.dumps(tree)
    assert clean_tree(tree, lambda text: text.replace(KEY, "###")) == masked
    assert json.dumps(tree) == before


def test_a_tree_deeper_than_python_goes() -> None:
    tree: dict[str, Any] = {"at": KEY}
    for _ in range(50_000):
        tree = {"in": tree}
    clean = clean_tree(tree, lambda text: text.replace(KEY, "***"))
    while "in" in clean:
        clean = clean["in"]
        tree = tree["in"]
    assert (clean, tree) == ({"at": "***"}, {"at": KEY})


def test_the_basic_text_above_is_right() -> None:
    assert base64.b64decode(BASIC) == f"api:{KEY}".encode()
