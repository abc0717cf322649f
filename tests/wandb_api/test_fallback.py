"""A client without the private call: the public ways serve, slower, and what they lose is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from dakota_wh import api
from tests.wandb_server.client import API_KEY, client_env
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

from .conftest import Ingest, answers, curve

PROGRAM = """
import sys, tempfile
from pathlib import Path
from dakota_wh.ingest.landing import Options, land
from dakota_wh.ingest.wandb_api.api_run import ApiRun
from dakota_wh.ingest.wandb_api.client import Client, load
from dakota_wh.ingest.wandb_api.patience import Patience
from dakota_wh.ingest.wandb_api.run_address import RunAddress
from dakota_wh.ingest.wandb_api.sign_in import sign_in
from dakota_wh.warehouse import folder
Client.can_query = False
root = Path(sys.argv[1])
folder.create(root)
private = Path(tempfile.mkdtemp())
load(sign_in(), Patience(60), private)
client = Client(sign_in(), Patience(60))
for _ in range(2):
    landed = land(root, ApiRun(client, RunAddress("r", "p", "acme"), private), Options())
    print(landed.action, landed.rows, landed.completeness, landed.error)
"""


def test_the_public_ways_give_the_same(server: Server, ingest: Ingest, tmp_path: Path) -> None:
    run = ServedRun("acme", "p", "r", rows=curve(50), exported_up_to=29, config={"lr": 0.1})
    run.summary = run.rows[-1]
    server.add_run(run)
    ingest("acme/p/r")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "public")],
        env=client_env(server.url, tmp_path / "home", API_KEY), capture_output=True, text=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines == ["stored 50 complete None", "unchanged 50 complete None"], done.stderr
    public = api.open(tmp_path / "public")
    for view in ("metrics", "steps", "summary", "config"):
        assert answers(public, "r")[view] == answers(api.open(tmp_path / "warehouse"), "r")[view]
    [row] = public.query("runs").dicts()
    assert any("whole floats" in words for words in json.loads(row["lossy"]))
