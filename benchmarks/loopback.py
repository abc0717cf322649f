"""A store on this machine that speaks S3, and the settings by which a program finds it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from benchmarks.processes import ROOT

#: The place in the store's bucket.
ADDRESS: Final = "s3://bucket/runs"


@contextmanager
def loopback_store() -> Iterator[None]:
    """Run a server with an empty bucket; this process and its children find it."""
    before = dict(os.environ)
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.others.serve_s3"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdin is not None
        assert running.stdout is not None
        os.environ |= {
            "AWS_ENDPOINT_URL": running.stdout.readline().strip(),
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            running.stdin.close()
