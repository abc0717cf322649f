"""Pages as one file: no request leaves them, and no script runs in them but ours.

Whatever a run is called is escaped by the template engine, the data is JSON that holds no ``<``,
and a content security policy with the hashes of the scripts is the second lock on the same door.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from dakota_wh.plot.chart import Chart
from dakota_wh.plot.libraries import library
from dakota_wh.plot.naming import shown
from dakota_wh.plot.page.figure import Figure
from dakota_wh.plot.page.lines import WHOLE_VALUES
from dakota_wh.plot.page.table import cell, exactly, is_number, places, words
from dakota_wh.plot.smoothing import Smoothing
from dakota_wh.plot.spec import VEGA_LITE

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE: Final = "dakota_wh.plot.page"
_WHAT: Final = "A page with charts"


def as_page(chart: Chart, smoothing: Smoothing | None) -> str:
    """Return one chart as a page."""
    figure = Figure("figure", chart, smoothing=smoothing)
    return rendered("plot.html", figures=[figure], title=shown(chart.title), figure=figure)


def ready() -> None:
    """Raise before any work where a page could not be made.

    Raises:
        WarehouseError: the extra is not installed.
    """
    for name in ("jinja2", "vl_convert"):
        library(name, _WHAT)


def rendered(template: str, *, figures: list[Figure], title: str, **values: Any) -> str:
    """Return the page that a template makes.

    Args:
        template: a file of this package or of ``dakota_wh.report``.
        figures: every figure on the page, for its data.
        title: the page's name.
        values: what else the template shows.

    Raises:
        WarehouseError: the extra is not installed.
    """
    environment = _environment()
    whole = _whole(figures)
    environment.globals["whole"] = whole
    scripts = [_vega(), _text("page.js")]
    return environment.get_template(template).render(
        title=title,
        scripts=[environment.filters["trusted"](script) for script in scripts],
        policy=_policy(scripts),
        style=environment.filters["trusted"](_text("page.css")),
        data=environment.filters["trusted"](
            _json({f.key: f.data(whole=f.key in whole) for f in figures})
        ),
        made_by=f"dakota-wh {version('dakota-wh')}",
        made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **values,
    )


def _whole(figures: list[Figure]) -> set[str]:
    """Return the figures whose every value the page holds: from its top, as far as that goes."""
    left = WHOLE_VALUES
    whole = set()
    for figure in figures:
        if figure.long_values <= left:
            left -= figure.long_values
            whole.add(figure.key)
    return whole


def _environment() -> Environment:
    jinja2 = library("jinja2", _WHAT)
    markup = library("markupsafe", _WHAT)
    loaders = [jinja2.PackageLoader("dakota_wh.report", "."), jinja2.PackageLoader(_PACKAGE, ".")]
    environment: Environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cell": cell,
        "exactly": exactly,
        "shown": shown,
        "trusted": markup.Markup,
        "words": words,
        "breakable": lambda text: markup.Markup("<wbr>").join(places(text)),
    }
    environment.tests["numeric"] = is_number
    return environment


def _json(value: Mapping[str, Any]) -> str:
    """Return JSON in which nothing can end a script element or begin a comment."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _vega() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script, from the installed package."""
    convert = library("vl_convert", _WHAT)
    script: str = convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _policy(scripts: list[str]) -> str:
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _text(name: str) -> str:
    return files(_PACKAGE).joinpath(name).read_text(encoding="utf-8")
