"""The tab key, in the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import ENVIRONMENT, Call

PROGRAM = Path(sys.executable).parent


def answer(folder: Path, words: str, place: int, shell: str = "bash") -> list[str]:
    """Ask the program as a shell's script does; return what it offers."""
    environment = {
        **ENVIRONMENT,
        "DAKOTA_WH_DIR": str(folder),
        "_DAKOTA_WH_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(place),
    }
    said = subprocess.run(
        [PROGRAM / "dakota-wh"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert said.stderr == ""
    return said.stdout.splitlines()


def test_commands_runs_and_views_are_offered(folder: Path) -> None:
    """A command by its beginning, runs without those typed already, views for a query."""
    assert answer(folder, "dakota-wh reb", 1) == ["plain,rebuild"]
    assert answer(folder, "dakota-wh check ", 2) == ["plain,demoorch", "plain,demotrnr"]
    assert answer(folder, "dakota-wh check demoorch ", 3) == ["plain,demotrnr"]
    views = answer(folder, "dakota-wh query reward_t", 2)
    assert views == ["plain,reward_trends"]
    assert answer(folder, "dakota-wh query runs --run demot", 4) == ["plain,demotrnr"]
    assert "plain,--role" in answer(folder, "dakota-wh query runs --r", 3)


def test_the_folder_that_is_typed_counts(folder: Path, tmp_path: Path) -> None:
    """``--warehouse`` before the word goes before the environment."""
    quoted = f'dakota-wh show --warehouse "{folder}" '
    assert answer(tmp_path, quoted, 4) == ["plain,demoorch", "plain,demotrnr"]
    assert answer(tmp_path, "dakota-wh show ", 2) == [""]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_gets_its_script(call: Call, shell: str) -> None:
    """The script calls the program with the variable that turns it into a completer."""
    called = call("completion", shell)
    assert called.code == 0
    assert f"_DAKOTA_WH_COMPLETE={shell}_complete" in called.out.replace("env:", "").replace(
        " = '", "="
    )


def test_powershell_is_answered_in_threes(folder: Path) -> None:
    """Type, value and help, a line each, as its script reads them."""
    said = answer(folder, "dakota-wh query reward_trend", 2, "powershell")
    assert said[:2] == ["plain", "reward_trends"]
    assert len(said) == 3


def test_an_unknown_shell_is_asked_for(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """$SHELL is taken where it is known; else the message names the choices."""
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    called = call("completion")
    assert called.code == 2
    assert "dakota-wh completion bash|zsh|fish|powershell" in called.err
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert "--command dakota-wh" in call("completion").out


def in_shell(shell: str, script: str, folder: Path) -> str:
    """Run lines in a real shell with the program on its PATH; skip where there is no such shell."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    environment = {**ENVIRONMENT, "DAKOTA_WH_DIR": str(folder)}
    environment["PATH"] = f"{PROGRAM}{os.pathsep}{environment['PATH']}"
    options = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    ran = subprocess.run(
        [shell, *options, "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_bash_completes(folder: Path) -> None:
    """The function that the script binds fills COMPREPLY."""
    script = """
    eval "$(dakota-wh completion bash)"
    COMP_WORDS=(dakota-wh show demo) COMP_CWORD=2
    _dakota_wh_completion dakota-wh demo show
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    assert in_shell("bash", script, folder).split() == ["demoorch", "demotrnr"]


def test_fish_completes(folder: Path) -> None:
    """Fish can be asked what it would offer."""
    script = "dakota-wh completion fish | source; complete --do-complete 'dakota-wh show demo'"
    assert in_shell("fish", script, folder).split() == ["demoorch", "demotrnr"]


def test_zsh_takes_the_script(folder: Path) -> None:
    """The script is evaluated under its completion system, and binds the program."""
    script = """
    autoload -Uz compinit; compinit -u -D
    eval "$(dakota-wh completion zsh)"
    print -r -- ${_comps[dakota-wh]}
    """
    assert in_shell("zsh", script, folder).strip() == "_dakota_wh_completion"
