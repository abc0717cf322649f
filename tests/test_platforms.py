"""What can be tested here of other platforms: nothing of POSIX alone, no links, no own encoding."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import pytest

from dakota_wh.warehouse.layout import encode_run_id

ROOT = Path(__file__).parents[1]
#: Not part of the program.
APART = ("tests", "benchmarks", "docs", "typings", "build")
#: Modules that Windows has not.
POSIX_ONLY = {"fcntl", "termios", "pty", "tty", "pwd", "grp", "resource", "syslog", "crypt"}
#: Calls that Windows has not, or only for administrators.
REFUSED = {"symlink", "symlink_to", "link", "fork", "mkfifo", "chown", "getuid"}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Yield the program's files, parsed."""
    for path in sorted(ROOT.rglob("*.py")):
        inside = path.relative_to(ROOT).parts
        if (
            inside[0] not in APART
            and not inside[0].startswith(".")
            and path.name != "make_sample.py"
        ):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_nothing_is_imported_or_called_that_windows_lacks() -> None:
    """The whole program is looked through."""
    found = []
    files = 0
    for path, tree in modules():
        files += 1
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names if alias.name in POSIX_ONLY]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module] if node.module in POSIX_ONLY else []
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                names = [node.func.attr] if node.func.attr in REFUSED else []
            found += [f"{path.relative_to(ROOT)}: {name}" for name in names]
    assert files > 200
    assert found == []


@pytest.mark.parametrize(
    "run_id", ["con", "NUL", "a:b", "a\\b", "a|b?", "x.", "x ", "..", "é", "A"]
)
def test_a_run_folder_is_a_name_on_windows(run_id: str) -> None:
    """One plain folder, no device, no drive, nothing that Windows cuts off at the end."""
    name = f"run_id={encode_run_id(run_id)}"
    path = PureWindowsPath("C:/w/history/role=single") / name
    assert path.name == name
    assert path.parent == PureWindowsPath("C:/w/history/role=single")
    assert not set(name) & set('<>:"|?*\\/')
    assert name[-1] not in ". "
    assert name.isascii()


@pytest.mark.parametrize(
    "words",
    [
        "demo",
        "doctor --offline",
        "export demoorch --format csv --format json --output-dir out",
        "show demoorch",
    ],
)
def test_no_file_is_read_or_written_in_the_systems_own_encoding(
    tmp_path_factory: pytest.TempPathFactory, words: str
) -> None:
    """Python can warn where no encoding is named; there it is an error."""
    folder = tmp_path_factory.getbasetemp() / "encodings"
    folder.mkdir(exist_ok=True)
    arguments = [*words.split(), "--warehouse", "warehouse"]
    strict = ["-X", "warn_default_encoding", "-W", "error::EncodingWarning"]
    done = subprocess.run(
        [sys.executable, *strict, "-m", "dakota_wh", *arguments],
        cwd=folder, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
