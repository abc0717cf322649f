"""The report in a real Chromium: it draws, asks no network, and can be used by anybody."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from dakota_wh.api import Warehouse
from dakota_wh.plot.page import document
from tests.report.conftest import HOSTILE_METRICS, HOSTILE_RUN, Reader

FIRST = "figure[data-figure='reward-0']"


def readings(page: Page) -> dict[str, str]:
    """Return what the legend of the first figure reads off, by line."""
    labels = page.locator(f"{FIRST} .legend label").all()
    return {
        label.locator("bdi").inner_text(): label.locator("output").inner_text() for label in labels
    }


def test_it_draws_and_says_and_asks_nothing(reader: Reader, demo_report: Path) -> None:
    page = reader.open(demo_report)
    assert page.evaluate("document.documentElement.dataset.drawn") == "yes"
    assert reader.said == []
    assert reader.asked == [demo_report.as_uri()]
    charts = page.locator(".chart svg").count()
    assert charts == page.locator(".chart").count() >= 9
    # each line of the reward has 240 points: its path goes through them
    path = page.locator(f"{FIRST} svg path[stroke='var(--line-0)']").first.get_attribute("d") or ""
    assert path.count("L") == 239


def test_the_slider_reads_values_off_and_says_them(
    reader: Reader, demo_report: Path, warehouse: Warehouse
) -> None:
    page = reader.open(demo_report)
    slider = page.locator(f"{FIRST} [data-control='at']")
    slider.focus()
    page.keyboard.press("End")
    [(step, value)] = warehouse.sql(
        "SELECT step, value FROM metrics WHERE metric = 'reward/mean' ORDER BY step DESC LIMIT 1"
    ).rows()
    assert readings(page) == {"reward/mean": f"{value:.5g}"}
    assert slider.get_attribute("aria-valuetext") == f"at {step}, reward/mean {value:.5g}"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    assert page.locator(f"{FIRST} [data-control='where']").inner_text() == "at 0"


def test_the_pointer_reads_zooms_and_goes_back(reader: Reader, demo_report: Path) -> None:
    page = reader.open(demo_report)
    chart = page.locator(f"{FIRST} .chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, middle)
    assert readings(page)["reward/mean"]
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=4)
    page.mouse.up()
    ends = [page.locator(f"{FIRST} [data-control='{end}']") for end in ("from", "to")]
    low, high = (float(end.input_value()) for end in ends)
    # the axis begins about 65 pixels from the edge, of 992
    assert 75 < low < 95
    assert 155 < high < 175
    page.locator(f"{FIRST} [data-control='all']").click()
    assert [end.input_value() for end in ends] == ["0", "239"]


def test_the_pointer_reads_the_step_beneath_it(reader: Reader, demo_report: Path) -> None:
    page = reader.open(demo_report)
    chart = page.locator(f"{FIRST} .chart")
    chart.scroll_into_view_if_needed()
    tick = page.locator(f"{FIRST} .chart .role-axis-label text", has_text="100").first
    at = tick.bounding_box()
    box = chart.bounding_box()
    assert at is not None
    assert box is not None
    page.mouse.move(at["x"] + at["width"] / 2, box["y"] + 60)
    where = page.locator(f"{FIRST} [data-control='where']").inner_text()
    assert abs(int(where.removeprefix("at ")) - 100) <= 1


def test_lines_can_be_switched_off_and_smoothed_otherwise(
    reader: Reader, demo_report: Path
) -> None:
    page = reader.open(demo_report)
    figure = page.locator("figure[data-figure='components-0']")
    lines = figure.locator("svg path[stroke^='var(--line-']")
    before = lines.count()
    figure.locator("input[type=checkbox]").first.focus()
    page.keyboard.press("Space")
    page.wait_for_function(
        "(n) => document.querySelectorAll("
        "\"figure[data-figure='components-0'] svg path[stroke^='var(--line-']\").length === n",
        arg=before - 2,  # the values and the smoothed line
    )
    figure.locator("select").select_option("-1")
    page.wait_for_function(
        "(n) => document.querySelectorAll("
        "\"figure[data-figure='components-0'] svg path[stroke^='var(--line-']\").length === n",
        arg=(before - 2) // 2,
    )
    assert reader.said == []


def test_everything_is_reached_by_the_keyboard(reader: Reader, demo_report: Path) -> None:
    page = reader.open(demo_report)
    wanted = page.evaluate(
        "document.querySelectorAll('a, button, input, select, summary, [tabindex=\"0\"]').length"
    )
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = false; })")
    seen = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)")
        )
    controls = page.locator("a, button, input, select, summary").all()
    reached = [one for one in controls if one.is_visible()]
    indices = {
        one.evaluate("(node) => [...document.querySelectorAll('*')].indexOf(node)")
        for one in reached
    }
    assert indices <= seen


def test_pictures_have_words_and_tables(reader: Reader, demo_report: Path) -> None:
    page = reader.open(demo_report)
    for chart in page.locator(".chart").all():
        assert chart.get_attribute("role") == "img"
        assert (chart.get_attribute("aria-label") or "").startswith("Line chart, ")
    for figure in page.locator("figure").all():
        assert figure.locator("details.numbers tbody tr").count() > 3
        assert figure.locator("details.sql code").count() >= 1
    nameless = page.evaluate(
        "[...document.querySelectorAll('input, select, button')].filter((node) =>"
        " !(node.labels && node.labels.length && node.labels[0].innerText.trim())"
        " && !node.getAttribute('aria-label') && !node.innerText.trim()).length"
    )
    assert nameless == 0
    levels = [int(h.evaluate("(n) => n.tagName[1]")) for h in page.locator("h1,h2,h3,h4").all()]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_phone_does_not_scroll_sideways(browser: Browser, demo_report: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    try:
        Reader(page).open(demo_report)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        widest = page.evaluate(
            "Math.max(...[...document.querySelectorAll('.chart svg')].map("
            "(svg) => svg.getBoundingClientRect().right))"
        )
        assert widest <= 390
    finally:
        page.close()


def zoomed(page: Page, low: int, high: int) -> None:
    """Show a stretch of the page's only figure."""
    for end, value in (("to", high), ("from", low)):
        box = page.locator(f"[data-control='{end}']")
        box.fill(str(value))
        box.press("Enter")
    page.wait_for_timeout(200)


def a_long_run(warehouse: Warehouse, folder: Path) -> None:
    """Ingest 6,000 steps of which 100 are missing (4000 to 4099); all are 0.25 but one, 3210."""
    rows = [f"{s},{100 if s == 3210 else 0.25}" for s in range(6100) if not 4000 <= s < 4100]
    (folder / "long_history.csv").write_text("\n".join(["_step,reward/mean", *rows]) + "\n")
    warehouse.ingest(folder / "long_history.csv")


def test_zooming_shows_every_value_and_reads_within_the_stretch(
    reader: Reader, tmp_path: Path
) -> None:
    warehouse = Warehouse(tmp_path / "warehouse")
    a_long_run(warehouse, tmp_path)
    page = reader.open(warehouse.plot("long", smooth="ma:20").save(tmp_path / "long.html"))
    path = page.locator("svg path[stroke='var(--line-0)'][stroke-width='1.2']").first
    assert 4 < (path.get_attribute("d") or "").count("L") <= 1200
    zoomed(page, 3100, 3300)
    # the 201 steps of the stretch, and one on either side
    assert (path.get_attribute("d") or "").count("L") == 202
    smooth = page.locator("svg path[stroke='var(--line-0)'][stroke-width='2.2']").first
    heights = [
        float(point.split(",")[1])
        for point in re.split("[ML]", smooth.get_attribute("d") or "")
        if point
    ]
    assert sum(height < max(heights) - 1 for height in heights) == 20  # 3210 to 3229
    slider = page.locator("[data-control='at']")
    for value, where in (("1000", "at 3,300"), ("0", "at 3,100"), ("550", "at 3,210")):
        slider.fill(value)
        assert page.locator("[data-control='where']").inner_text() == where
    assert page.locator(".legend output").inner_text() == "100"
    zoomed(page, 4010, 4090)
    slider.fill("500")
    assert page.locator("[data-control='where']").inner_text() == "no value in this stretch"
    assert page.locator(".legend output").inner_text() == ""
    assert reader.said == []


def test_a_line_that_the_page_does_not_hold_is_bands(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "WHOLE_VALUES", 5_999)
    warehouse = Warehouse(tmp_path / "warehouse")
    a_long_run(warehouse, tmp_path)
    page = reader.open(warehouse.plot("long", smooth="ma:20").save(tmp_path / "long.html"))
    assert (
        "this page does not hold the values within a band"
        in page.locator("figcaption").inner_text()
    )
    zoomed(page, 3205, 3215)
    page.locator("[data-control='at']").fill("500")
    # 599 bands and one cut: the 321st of 6,000 values has 3205 to 3214, and the first of the next
    read = page.locator(".legend output").inner_text()
    assert read == "0.25 to 100 (11 values from 3,205 to 3,215)"
    assert page.locator("svg path[stroke='var(--line-0)'][stroke-width='1.2']").count() == 0
    assert reader.said == []


def test_tables_are_whole_on_a_desk_and_on_a_phone(browser: Browser, demo_report: Path) -> None:
    cut = (
        "[...document.querySelectorAll('section > .scroll')].filter("
        "(node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.ariaLabel)"
    )
    for width in (1920, 1280, 390):
        page = browser.new_page(viewport={"width": width, "height": 900})
        try:
            Reader(page).open(demo_report)
            assert page.evaluate(cut) == []
            assert page.evaluate("document.documentElement.scrollWidth") == width
            weights = page.get_by_role("table", name="Weights that the values imply")
            assert weights.get_by_role("row").count() == 6
            box = weights.locator("[data-label='implied weight']").first.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= width
        finally:
            page.close()


def test_the_unit_of_an_axis_lies_beside_no_label(browser: Browser, tmp_path: Path) -> None:
    rows = "\n".join(f"{step},{9007199254740993 + step}" for step in range(300))
    (tmp_path / "big_history.csv").write_text(f"_step,big_int\n{rows}\n")
    warehouse = Warehouse(tmp_path / "warehouse")
    warehouse.ingest(tmp_path / "big_history.csv")
    page = browser.new_page(viewport={"width": 375, "height": 800})
    try:
        Reader(page).open(warehouse.plot("big", metric="big_int").save(tmp_path / "a.html"))
        title = page.locator(".role-axis-title text", has_text="as logged").bounding_box()
        labels = page.locator(".role-axis-label text", has_text="e15").all()
        assert title is not None
        assert len({label.inner_html() for label in labels}) == len(labels) > 2
        for box in (label.bounding_box() for label in labels):
            assert box is not None
            assert box["x"] >= 0
            assert title["y"] + title["height"] <= box["y"] + 2
    finally:
        page.close()


def luminance(colour: str) -> float:
    """Return the relative luminance of ``rgb(r, g, b)`` (WCAG 2)."""
    parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_light_and_dark_can_both_be_read(browser: Browser, demo_report: Path) -> None:
    backgrounds = []
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        Reader(page).open(demo_report)
        ground = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        backgrounds.append(ground)
        inks = [
            (
                selector,
                page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{name}"),
            )
            for selector, name in (
                ("body", "color"),
                (".chart .role-axis-label text", "fill"),
                ("figcaption, footer", "color"),
                ("summary", "color"),
            )
        ]
        inks += [
            (f"line {k}", page.evaluate(
                f"getComputedStyle(Object.assign(document.body.appendChild(document.createElement"
                f"('i')), {{style: 'color: var(--line-{k})'}})).color"))
            for k in range(8)
        ]  # fmt: skip
        for what, ink in inks:
            light, dark = sorted((luminance(ink), ground), reverse=True)
            least = 3.0 if what.startswith("line") else 4.5
            assert (light + 0.05) / (dark + 0.05) >= least, (scheme, what, ink)
        page.close()
    assert backgrounds[0] > 0.9 > 0.1 > backgrounds[1]


def test_it_prints(browser: Browser, demo_report: Path) -> None:
    page = browser.new_page(color_scheme="dark")
    try:
        Reader(page).open(demo_report)
        data = page.pdf(format="A4")
        assert data.startswith(b"%PDF")
        page.emulate_media(media="print")
        assert luminance(page.evaluate("getComputedStyle(document.body).color")) < 0.05
        page.set_viewport_size({"width": 700, "height": 1000})  # A4 less its margins
        assert page.evaluate("document.documentElement.scrollWidth") == 700
        assert not page.locator(".controls").first.is_visible()
        assert page.locator("details.sql").first.evaluate("(node) => node.open")
        # no word of a verdict is broken: each is as high as its line
        high = page.evaluate(
            "[...document.querySelectorAll('td bdi')].filter((node) =>"
            " ['improving', 'constant', 'neither'].includes(node.textContent.trim())"
            " && node.getClientRects().length > 1).length"
        )
        assert high == 0
    finally:
        page.close()


def test_hostile_names_stay_names(reader: Reader, hostile: Warehouse, tmp_path: Path) -> None:
    page = reader.open(hostile.report(HOSTILE_RUN, tmp_path / "hostile.html"))
    assert page.evaluate("document.documentElement.dataset.drawn") == "yes"
    assert reader.said == []
    assert len(reader.asked) == 1
    assert "<img src=x onerror" in page.title()
    assert page.locator(".chart svg").count() >= len(HOSTILE_METRICS)
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 3
    assert "\u202e" not in page.locator("body").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1100
    for query in {code.text_content() or "" for code in page.locator("details.sql code").all()}:
        hostile.sql(query).close()


def test_a_chart_of_its_own_is_a_page_too(
    reader: Reader, warehouse: Warehouse, hostile: Warehouse, tmp_path: Path
) -> None:
    for number, (where, runs) in enumerate(((warehouse, ["demoorch"]), (hostile, [HOSTILE_RUN]))):
        drawn = where.plot(runs, metric="*reward*", smooth="ma:7")
        page = reader.open(drawn.save(tmp_path / f"{number}.html"))
        assert page.locator(".chart svg").count() == len(drawn.chart.panels)
        assert page.locator("select option:checked").first.inner_text() == "mean of 7"
    assert reader.said == []
