"""What is installed beside this program: the table in ``dependencies.md``, written by cog."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: Licences as they are written without the identifiers of SPDX.
_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Python Software Foundation License": "PSF-2.0",
}


def locked(*options: str) -> dict[str, str]:
    """Return the locked version of each package on this platform's list, by name."""
    command = ["uv", "export", "--locked", "--no-dev", "--no-hashes", "--no-header"]
    done = subprocess.run(
        [*command, "--no-emit-project", "--no-annotate", "--quiet", *options],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line.split(";")[0].strip() for line in done.stdout.splitlines()]
    return dict(line.split("==") for line in lines if "==" in line)


def licence(name: str) -> str:
    """Return a package's licence as its own metadata says."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "(another platform's)"
    if expression := told.get("License-Expression"):
        return str(expression)
    classified = [
        line.rsplit(" :: ", 1)[1]
        for line in told.get_all("Classifier", [])
        if line.startswith("License :: ") and line.count(" :: ") > 1
    ]
    short = (told.get("License") or "").strip()
    words = classified or ([short] if short and len(short) < 50 else ["see the package"])
    return ", ".join(_SPDX.get(word, word) for word in words)


def table() -> str:
    """Return the packages that an installation brings, by the extra that needs them."""
    always = locked()
    every = locked("--all-extras")
    rows = ["| package | version | licence | installed |", "|---|---|---|---|"]
    for name in sorted(every):
        when = "always" if name in always else "with an extra"
        rows.append(f"| {name} | {every[name]} | {licence(name)} | {when} |")
    return "\n".join(rows)
