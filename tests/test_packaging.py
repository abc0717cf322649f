"""The repository root is the package: what is in the wheel, and what the checkers see of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import dakota_wh

ROOT = Path(__file__).parent.parent
OUTSIDE = {"tests", "typings", "benchmarks", "build", "dist", "docs"}


def project() -> dict[str, object]:
    """Return pyproject.toml's [tool.setuptools]."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        settings: dict[str, object] = tomllib.load(file)["tool"]["setuptools"]
    return settings


def code_folders() -> set[Path]:
    """Return every folder with Python code of the package, relative to the root."""
    return {
        path.parent.relative_to(ROOT)
        for path in ROOT.rglob("*.py")
        if not any(part.startswith(".") or part in OUTSIDE for part in path.relative_to(ROOT).parts)
    }


def test_every_folder_with_code_is_named() -> None:
    expected = {".".join(("dakota_wh", *folder.parts)) for folder in code_folders()}
    assert set(project()["packages"]) == expected  # type: ignore[call-overload]


def test_no_stray_module_lies_at_the_root() -> None:
    # setuptools takes every *.py there into the wheel
    expected = {"__init__.py", "__main__.py", "api.py", "cli.py", "errors.py"}
    assert {path.name for path in ROOT.glob("*.py")} == expected


def test_checkers_see_every_entry_of_the_package() -> None:
    links = {path.name: path for path in (ROOT / "typings" / "dakota_wh").iterdir()}
    tops = {folder.parts[0] for folder in code_folders() if folder.parts}
    assert set(links) == tops | {path.name for path in ROOT.glob("*.py")} | {"py.typed"}
    for name, link in links.items():
        assert link.is_symlink()
        assert link.resolve() == ROOT / name


def test_the_editable_install_runs_these_files() -> None:
    assert Path(dakota_wh.__file__).resolve() == ROOT / "__init__.py"


def test_public_names_are_exported_and_sorted() -> None:
    assert dakota_wh.__all__ == sorted(dakota_wh.__all__)
    for name in dakota_wh.__all__:
        assert getattr(dakota_wh, name) is not None
