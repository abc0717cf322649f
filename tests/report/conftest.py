"""Warehouses, their reports, and a real Chromium to read them in."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from dakota_wh import api, demo

OWNER = Path("/work/shared/data")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: Names that want out of the page, out of the SQL, or into Vega's expressions.
HOSTILE_RUN = "</script><img src=x onerror=document.title='hacked'>'; DROP"
_HOSTILE = (
    "</script><script>document.title='hacked'</script>/reward",
    '"><img src=x onerror="document.title=1">/reward',
    "datum['x'].constructor/reward",
    "{{ 7 * 7 }}{% raw %}/reward",
    "\u202ereward drawer\u2066",
    "two\nlines'-- of reward",
    "reward/" + "x" * 10_000,
    "<!--/reward",
)
#: None of them is taken for the main reward, so that the report draws them all.
HOSTILE_METRICS = tuple(f"{name}/max" for name in _HOSTILE)


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> api.Warehouse:
    """Give a warehouse with the demo's two runs; not to be changed."""
    opened = api.open(tmp_path_factory.mktemp("report") / "warehouse")
    opened.ingest(demo.unpack(tmp_path_factory.mktemp("sample")))
    return opened


@pytest.fixture(scope="session")
def owner(tmp_path_factory: pytest.TempPathFactory) -> api.Warehouse:
    """Give a warehouse with the owner's pair, whose trainer is sampled; not to be changed."""
    if not OWNER.is_dir():
        pytest.skip(f"no real data at {OWNER}")
    opened = api.open(tmp_path_factory.mktemp("owner") / "warehouse")
    opened.ingest(OWNER / "29hn8w98", OWNER / "7nikv4vp")
    return opened


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> api.Warehouse:
    """Give a warehouse with a run whose id, metrics and settings are attacks; not to be changed."""
    folder = tmp_path_factory.mktemp("hostile")
    with (folder / "bad_history.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["_step", *HOSTILE_METRICS])
        for step in range(60):
            writer.writerow([step, *(step * k for k in range(len(HOSTILE_METRICS)))])
    settings = {name: name for name in HOSTILE_METRICS[:6]}
    (folder / "bad_config.json").write_text(json.dumps(settings), encoding="utf-8")
    opened = api.open(folder / "warehouse")
    [landed] = opened.ingest(folder / "bad_history.csv", store_as=HOSTILE_RUN)
    assert landed.error is None
    return opened


@pytest.fixture(scope="session")
def demo_report(warehouse: api.Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the report on the demo's orchestrator."""
    return warehouse.report("demoorch", tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="session")
def owner_report(owner: api.Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the report on the owner's pair."""
    return owner.report("29hn8w98", tmp_path_factory.mktemp("page") / "owner.html")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give a headless Chromium; skip where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield opened
        opened.close()


class Reader:
    """A page that is read, and all that it said and asked for meanwhile."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: Path) -> Page:
        """Open a file from disk, and wait until its charts are drawn."""
        self.page.goto(path.as_uri())
        self.page.wait_for_function("document.documentElement.dataset.drawn", timeout=60_000)
        return self.page


@pytest.fixture
def reader(browser: Browser) -> Iterator[Reader]:
    """Give an empty page of 1100 x 900 pixels in the light."""
    page = browser.new_page(viewport={"width": 1100, "height": 900}, color_scheme="light")
    yield Reader(page)
    page.close()
