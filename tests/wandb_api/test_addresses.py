"""What words mean: runs, projects, servers, keys, times."""

from __future__ import annotations

import base64
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.errors import NoSuchSource, NotSignedIn, UsageProblem, WarehouseError
from dakota_wh.ingest.wandb_api.from_file import TAKEN
from dakota_wh.ingest.wandb_api.patience import Patience
from dakota_wh.ingest.wandb_api.run_address import (
    Address,
    ProjectAddress,
    RunAddress,
    is_path_like,
    read_address,
)
from dakota_wh.ingest.wandb_api.sign_in import known_keys, sign_in, without_key
from dakota_wh.ingest.wandb_api.when import read_moment

from .conftest import use_environment

KEY = "k" * 40
RUN = RunAddress("29hn8w98", "rl", "me")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide this machine's W&B."""
    use_environment(monkeypatch, "http://127.0.0.1:1", tmp_path / "home")
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.delenv("WANDB_BASE_URL")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("what", "meant"),
    [
        ("me/rl/29hn8w98", RUN),
        ("wandb:me/rl/29hn8w98", RUN),
        ("https://wandb.ai/me/rl/runs/29hn8w98", RUN),
        ("https://wandb.ai/me/rl/runs/29hn8w98/overview?nw=a#b", RUN),
        ("https://forge.coreweave.com/wandb/me/rl/runs/29hn8w98", RUN),
        ("https://wandb.ai/me/my%20rl/runs/x", RunAddress("x", "my rl", "me")),
        ("https://wandb.ai/me/rl/runs/a%252Fb", RunAddress("a%2Fb", "rl", "me")),
        ("https://wandb.ai/me/rl/runs/a%20%7C%22", RunAddress('a |"', "rl", "me")),
        ("me/rl/a%2Fb", RunAddress("a%2Fb", "rl", "me")),
        ("me/rl", ProjectAddress("rl", "me")),
        ("https://wandb.ai/me/rl/workspace", ProjectAddress("rl", "me")),
    ],
)
def test_addresses(what: str, meant: Address) -> None:
    assert read_address(what) == meant


def test_an_id_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_address("29hn8w98", "me", "rl") == RUN
    assert read_address("29hn8w98", None, "rl") == RunAddress("29hn8w98", "rl")
    monkeypatch.setenv("WANDB_ENTITY", "me")
    monkeypatch.setenv("WANDB_PROJECT", "rl")
    assert read_address("29hn8w98") == RUN


@pytest.mark.parametrize("what", ["29hn8w98", "https://wandb.ai.example.com/me/rl/runs/x"])
def test_what_lacks_something(what: str) -> None:
    with pytest.raises((NoSuchSource, UsageProblem), match=r"project|is not the W&B server"):
        read_address(what)


NOT_ONE = ["a/b/c/d", "a//c", "a/b/c?x", "", "https://wandb.ai/me", "https://[x/me/rl/runs/x"]


@pytest.mark.parametrize("what", [*NOT_ONE, "https://wandb.ai/me/r%252Fl/runs/x", "me/r%2Fl/x"])
def test_what_is_no_address(what: str) -> None:
    with pytest.raises((NoSuchSource, UsageProblem)):
        read_address(what)


@given(st.text(max_size=30), st.sampled_from(["", "https://", "https://wandb.ai/", "a/b/"]))
def test_any_words_are_an_address_or_refused(words: str, before: str) -> None:
    """A run's id never holds what would lead out of its folder or its address."""
    try:
        found = read_address(before + words, None, "p")
    except (NoSuchSource, UsageProblem):
        return
    parts = [*asdict(found).values()]
    assert all(part is None or (part and "/" not in part and "\0" not in part) for part in parts)


def test_a_server_of_ones_own() -> None:
    own = "https://api.wb.example.com"
    assert read_address("https://wb.example.com/me/rl/runs/29hn8w98", base_url=own) == RUN
    with pytest.raises(UsageProblem, match="is not the W&B server"):
        read_address("https://wandb.ai/me/rl/runs/29hn8w98", base_url=own)


@pytest.mark.parametrize("what", ["./x", "../a/b", "/x", "~/x", "x.csv", "a/b.wandb", "C:\\x"])
def test_paths(what: str) -> None:
    assert is_path_like(what)


def test_where_the_key_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(NotSignedIn, match=r"^WANDB_API_KEY not found"):
        sign_in()
    netrc = tmp_path / "netrc"
    netrc.write_text(
        f"machine api.wandb.ai login user password {KEY}\n"
        f"machine 127.0.0.1:99 login user password {'p' * 40}\n"
    )
    monkeypatch.setenv("NETRC", str(netrc))
    assert sign_in().key == KEY
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:99/")
    assert sign_in().key == "p" * 40
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:98")
    with pytest.raises(NotSignedIn):
        sign_in()
    monkeypatch.setenv("WANDB_API_KEY", "e" * 40)
    assert sign_in().key == "e" * 40
    assert sign_in("f" * 40).key == "f" * 40
    assert KEY not in repr(sign_in(KEY))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "nonsense",
        "https://user:word@host",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://h:one",
        "http://[::1",
    ],
)
def test_a_base_url_that_is_none(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", url)
    with pytest.raises(WarehouseError) as caught:
        sign_in(KEY)
    assert "word" not in str(caught.value).replace("password", "")


FOREIGN = "http://wb.example.com:8080"


def name_the_server(patch: pytest.MonkeyPatch, place: str, url: str) -> Path | None:
    """Name a server in one place; return the file."""
    if place == "environment":
        patch.setenv("WANDB_BASE_URL", url)
        return None
    if place == ".env":
        patch.setenv("WANDB_BASE_URL", url)
        file = Path(".env").absolute()
        patch.setitem(TAKEN, "WANDB_BASE_URL", file)
        return file
    folder = Path("wandb") if place == "wandb/settings" else Path("own")
    if folder.name == "own":
        patch.setenv("WANDB_CONFIG_DIR", str(folder.absolute()))
    if place == "settings of .env":
        patch.setitem(TAKEN, "WANDB_CONFIG_DIR", Path(".env").absolute())
    folder.mkdir()
    file = folder.absolute() / "settings"
    file.write_text(f"[default]\nbase_url = {url}\n")
    return file


@pytest.mark.parametrize("place", [".env", "wandb/settings", "settings of .env"])
def test_no_key_over_http_to_a_host_that_a_file_of_the_folder_names(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    file = name_the_server(monkeypatch, place, FOREIGN)
    with pytest.raises(UsageProblem) as caught:
        sign_in(KEY)
    assert str(file) in caught.value.message
    assert "export WANDB_BASE_URL=http://wb.example.com:8080" in caught.value.hint
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("environment", FOREIGN),
        ("own settings", FOREIGN),
        ("wandb/settings", "https://wb.example.com"),
        ("wandb/settings", "http://localhost:8080"),
        (".env", "http://127.3.2.1:8080"),
        (".env", "http://[::1]:8080"),
    ],
)
def test_where_a_key_may_go(monkeypatch: pytest.MonkeyPatch, place: str, url: str) -> None:
    name_the_server(monkeypatch, place, url)
    assert sign_in(KEY).base_url == url


@pytest.mark.parametrize("host", ["localhost.evil.com", "127.0.0.1.evil.com", "10.0.0.1", "0x7f.1"])
def test_what_only_looks_like_this_machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    name_the_server(monkeypatch, ".env", f"http://{host}")
    with pytest.raises(UsageProblem, match="unencrypted"):
        sign_in(KEY)


@given(st.text(max_size=9), st.text(max_size=9), st.booleans(), st.text(max_size=3))
def test_no_base64_shows_a_key(before: str, after: str, in_addresses: bool, tail: str) -> None:
    """Whatever stands around it, also as ``urlsafe_b64encode`` writes it."""
    key = f"~~~???{'k1' * 18}{tail}"
    said = f"{before}{key}{after}".encode()
    coded = (base64.urlsafe_b64encode if in_addresses else base64.b64encode)(said).decode()
    left = without_key(f"Basic {coded}.", key)
    most = -(-len(before.encode()) // 3) * 4 + -(-len(after.encode()) // 3) * 4
    assert "***" in left
    assert len(left) <= len("Basic ***.") + most + 8


def test_a_key_of_another_alphabet_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a server that is none, or bytes that are no text, hide none of the others."""
    monkeypatch.setenv("WANDB_BASE_URL", "nonsense")
    monkeypatch.setenv("WANDB_API_KEY", f" {KEY} ")
    assert known_keys() == [KEY]
    monkeypatch.setenv("WANDB_API_KEY", "\udcff" * 40)
    assert known_keys() == []
    assert without_key("x", "\udcff" * 40) == "x"


def test_times() -> None:
    now = datetime(2026, 1, 8, tzinfo=UTC)
    assert read_moment("7d", now) == datetime(2026, 1, 1, tzinfo=UTC)
    assert read_moment("2025-11-09", now) == datetime(2025, 11, 9, tzinfo=UTC)
    for wrong in ("soon", "7", "7 years", "1e400d"):
        with pytest.raises(UsageProblem):
            read_moment(wrong, now)


@pytest.mark.parametrize("timeout", [0.5, 5, 12, 60, 1800, 1e6])
def test_requests_end_before_their_run(timeout: float) -> None:
    patience = Patience(timeout)
    assert patience.request <= max(timeout, 2.0)
    numbers = [v for k, v in patience.environment().items() if "RETRY" in k or "TIMEOUT" in k]
    assert all(int(number) >= 1 for number in numbers)  # 0 and fractions mean the client's default
