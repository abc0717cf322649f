"""What answers 200 to everything and is no store: nothing is taken for an empty warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import ExitCode
from tests.store.conftest import Call
from tests.store.kit import ingest
from tests.warehouse import kit

PAGE = b"<html><head><title>Sign in</title></head><body><p>Welcome</p></body></html>"


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """Give the address of a server that answers everything with code 200 and the same."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("body", [PAGE, b""], ids=["a page", "nothing"])
def test_it_is_no_empty_warehouse(
    s3: str, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    csv = kit.constant_run(tmp_path / "a", "run1", 1.0)
    ingest(s3, csv)
    assert call("sync", s3, tmp_path / "copy")[0] == 0
    before = kit.state(tmp_path / "copy")
    assert [*before["runs"]] == ["run1"]
    with answering(body) as page, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", page)
        for words in (
            ["runs", "--warehouse", s3],
            ["ingest", csv, "--warehouse", s3],
            ["ingest", csv, "--warehouse", f"{s3}-new"],
            ["remove", "run1", "--yes", "--warehouse", s3],
            ["sync", s3, tmp_path / "copy", "--delete"],
            ["sync", tmp_path / "copy", f"{s3}-new"],
        ):
            code, out, said = call(*words)
            assert (code, out) == (ExitCode.NETWORK, ""), words
            assert f"What answers for {s3}" in said
            assert "AWS_ENDPOINT_URL" in said
    assert kit.state(tmp_path / "copy") == before
    assert open_warehouse(s3).runs().rows()[0][0] == "run1"


def test_a_page_that_is_no_xml_is_none_either(
    s3: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(b"<!doctype html><p>Welcome<br>") as page:
        monkeypatch.setenv("AWS_ENDPOINT_URL", page)
        code, out, said = call("runs", "--warehouse", s3)
    assert (code, out) == (ExitCode.NETWORK, "")
    assert "cannot answer now" in said
