"""The one plain request: where the key goes, how long it takes, and what answers mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dakota_wh.errors import ExitCode, SourceUnreachable
from dakota_wh.ingest.wandb_api.probe import Asked, by_status, why_silent
from dakota_wh.ingest.wandb_api.sign_in import SignIn
from tests.wandb_server import faults
from tests.wandb_server.client import API_KEY
from tests.wandb_server.faults import Spoil
from tests.wandb_server.server import Server


@pytest.fixture(scope="module")
def serving() -> Iterator[Server]:
    """Start a server that wants the key."""
    with Server(api_key=API_KEY) as server:
        yield server


@pytest.fixture
def server(serving: Server) -> Server:
    """Give it without faults."""
    serving.heal()
    serving.requests.clear()
    return serving


def test_it_says_nothing_of_a_server_that_is_well(server: Server) -> None:
    assert why_silent(SignIn(server.url, API_KEY), Asked(wait=20)) is None
    assert server.requests.counts() == {"Viewer": 1}


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_the_key_goes_to_no_other_host(server: Server, code: int) -> None:
    with Server() as other:
        server.fault("Viewer", faults.status(code, Location=f"http://localhost:{other.port}/login"))
        problem = why_silent(SignIn(server.url, API_KEY), Asked(wait=20))
        assert other.requests.counts() == {}
    assert server.requests.counts() == {"Viewer": 1}
    assert problem is not None
    assert f"is no W&B server: it answers {code}" in problem.message


def test_an_answer_that_trickles_has_an_end(server: Server) -> None:
    """Each piece comes in time; all of them would take five seconds, and then be well."""
    server.fault("Viewer", faults.slow(5))
    problem = why_silent(SignIn(server.url, API_KEY), Asked(waited=7, wait=0.6))
    assert isinstance(problem, SourceUnreachable)
    assert "did not answer within 7 s" in problem.message


MEANINGS: list[tuple[Spoil, ExitCode, str]] = [
    (faults.status(401), ExitCode.AUTHENTICATION, "refused the key"),
    (faults.status(404), ExitCode.ERROR, "is no W&B server: it answers 404"),
    (faults.status(502), ExitCode.NETWORK, "an error of its own (502)"),
    (faults.too_many("12"), ExitCode.NETWORK, "(429) and asks to wait 12 s."),
    (faults.too_many("soon"), ExitCode.NETWORK, "limits the rate of requests (429)."),
    (faults.no_text(), ExitCode.ERROR, "no UTF-8 text"),
    (faults.drop(), ExitCode.NETWORK, "dropped the connection"),
]


@pytest.mark.parametrize(("spoil", "code", "words"), MEANINGS)
def test_what_an_answer_means(server: Server, spoil: Spoil, code: ExitCode, words: str) -> None:
    server.fault("Viewer", spoil)
    problem = why_silent(SignIn(server.url, API_KEY), Asked(wait=20))
    assert problem is not None
    assert (problem.exit_code, words in problem.message) == (code, True), problem.message


def _as_it_is(when: datetime) -> str:
    return format_datetime(when, usegmt=True)


def _with_zone(when: datetime) -> str:
    return format_datetime(when)


@pytest.mark.parametrize("written", [_as_it_is, _with_zone])
def test_a_pause_until_a_date(written: Callable[[datetime], str]) -> None:
    """RFC 9110, 10.2.3: Retry-After is seconds or an HTTP date."""
    problem = by_status("h", 429, written(datetime.now(UTC) + timedelta(hours=1)))
    assert problem is not None
    asked = problem.message.partition(" asks to wait ")[2]
    assert 3500 < int(asked.removesuffix(" s.")) <= 3600
    past = by_status("h", 429, written(datetime.now(UTC) - timedelta(days=1)))
    assert past is not None
    assert "asks to wait 0 s." in past.message


@given(st.text(max_size=40))
@example("9" * 5000)
def test_any_pause_gives_a_sentence(text: str) -> None:
    problem = by_status("h", 429, text)
    assert problem is not None
    assert problem.message.startswith("h limits the rate of requests (429)")
    assert len(problem.message) < 100
