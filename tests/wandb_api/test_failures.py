"""What W&B's client raises, in the words that the client and its helper write."""

from __future__ import annotations

import pytest

from dakota_wh.errors import NoSuchSource, SourceProblem, WarehouseError
from dakota_wh.ingest.wandb_api.failures import ClientEnded, Failure, Kind
from dakota_wh.ingest.wandb_api.probe import Asked
from dakota_wh.ingest.wandb_api.sign_in import SignIn
from tests.wandb_server import faults
from tests.wandb_server.client import API_KEY
from tests.wandb_server.server import Server

#: Nobody listens there, and nobody is to be asked.
SIGN_IN = SignIn("http://127.0.0.1:1", API_KEY)


@pytest.mark.parametrize("kind", Kind)
def test_a_full_temporary_folder_is_not_the_servers_fault(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/small")
    words = "api: error opening export-0/0.parquet: write: no space left on device"
    error = Failure(words, 0, "the history export of run a/p/r", kind=kind).error(SIGN_IN)
    assert type(error) is WarehouseError
    assert error.message == "There is no space left for the history export of run a/p/r in /small."
    assert "TMPDIR" in error.hint


def test_a_file_that_is_not_there_is_no_typing_error() -> None:
    """An address that the service gave is nothing that a person could have got wrong."""
    export = Failure("404 Not Found", 404, "the export", kind=Kind.EXPORT).error(SIGN_IN)
    assert isinstance(export, SourceProblem)
    assert "Check entity" not in export.hint
    run = Failure("404 Not Found", 404, "run a/p/r").error(SIGN_IN)
    assert isinstance(run, NoSuchSource)
    assert "Check entity" in run.hint


def test_a_server_that_sends_elsewhere_does_not_refuse_the_key() -> None:
    """W&B's client follows a redirect, without the key, and hears that there is no account."""
    words = "Failed to verify credentials: did not recognize an account"
    failure = Failure(words, 0, "the account", Asked(wait=20), Kind.SIGN_IN)
    with Server(api_key=API_KEY) as server:
        asked = SignIn(server.url, API_KEY)
        assert "refused the key in WANDB_API_KEY (401)" in failure.error(asked).message
        server.fault("Viewer", faults.status(302, Location="http://localhost:1/login"))
        assert "is no W&B server: it answers 302" in failure.error(asked).message


@pytest.mark.parametrize("words", ["MailboxClosedError", "the service process is not running"])
def test_a_client_that_is_gone_is_replaced(words: str) -> None:
    assert isinstance(Failure(words, 0, "it", kind=Kind.FILE).error(SIGN_IN), ClientEnded)


def test_the_key_is_taken_out_of_the_clients_words() -> None:
    error = Failure(f"bad key {API_KEY} ", 400, "it").error(SIGN_IN)
    assert "bad key ***" in error.message
    assert API_KEY not in str(error)
