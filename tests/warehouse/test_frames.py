"""A result becomes a data frame where its library is installed, and says so where it is not."""

from __future__ import annotations

import sys

import duckdb
import pytest

from dakota_wh.errors import NotInstalled
from dakota_wh.warehouse.result import Result


@pytest.mark.parametrize(
    ("method", "package"), [("df", "pandas"), ("pl", "polars"), ("arrow", "pyarrow")]
)
def test_a_missing_library_is_told_with_what_to_install(
    method: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = Result.of(duckdb.connect(), "SELECT 1 AS one")
    assert len(getattr(result, method)()) == 1
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(NotInstalled) as caught:
        getattr(result, method)()
    assert str(caught.value) == (
        f"{method}() needs {package}, which is not installed. "
        f"Beside dakota-wh: (uv) pip install {package}"
    )
    result.close()
