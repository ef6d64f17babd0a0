"""The command line as a whole: help, errors, exit codes, what is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conexus import __version__, settings
from conexus.cli.app import conexus as group
from conexus.cli.exits import Exit
from conexus.domain import ConexusError

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run


def test_help_names_every_command_and_shows_examples(run: Run) -> None:
    ran = run("--help")
    assert ran.code == Exit.OK
    assert [name for name in group.commands if name not in ran.out] == []
    assert 'conexus search "where are secrets redacted"' in ran.out


@pytest.mark.parametrize("name", sorted(group.commands))
def test_every_command_has_help_with_examples(run: Run, name: str) -> None:
    ran = run(name, "-h")
    assert ran.code == Exit.OK
    assert "Examples:" in ran.out


def test_the_version(run: Run) -> None:
    assert run("--version").out == f"conexus {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["search"], ["search", "x", "--nonsense"], ["index", "/no/such/folder"]]
)
def test_a_wrong_command_line(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert ran.code == Exit.USAGE
    assert ran.out == ""
    assert ran.err != ""


@pytest.mark.parametrize(("debug", "traces"), [([], False), (["--debug"], True)])
def test_an_error_is_one_line_and_its_traceback_is_in_the_log(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, debug: list[str], *, traces: bool
) -> None:
    def fail(*_: object) -> None:
        raise ConexusError("/somewhere: no room left; free some space")

    monkeypatch.setattr(settings, "load", fail)
    ran = run(*debug, "config")
    assert ran.code == Exit.FAILED
    assert ran.err.startswith("conexus: /somewhere: no room left; free some space\n")
    assert ("Traceback" in ran.err) is traces
    assert (len(ran.err.splitlines()) > 1) is traces
    assert "Traceback" in (home / "state" / "conexus.log").read_text("utf-8")


def test_an_unforeseen_error_is_called_a_bug(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("boom, password=hunter22")

    monkeypatch.setattr(settings, "load", fail)
    ran = run("config")
    assert ran.code == Exit.BUG
    assert str(home / "state" / "conexus.log") in ran.err
    assert "RuntimeError: boom" in ran.err
    assert "hunter22" not in ran.err + (home / "state" / "conexus.log").read_text("utf-8")


def test_ctrl_c_anywhere_has_its_own_code(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(settings, "load", interrupt)
    ran = run("config")
    assert ran.code == Exit.INTERRUPTED
    assert ran.err == "conexus: stopped\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes that close are a POSIX matter")
def test_a_reader_that_leaves_is_no_error(home: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "conexus", "config"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (Exit.CLOSED_PIPE, "")


@pytest.mark.parametrize("arguments", [["--help"], ["search", "--help"], ["config"], ["completion", "bash"]])
def test_what_needs_no_index_imports_nothing_heavy(arguments: list[str]) -> None:
    script = f"""
import sys
from conexus.cli import main
try:
    main({arguments!r})
except SystemExit as ended:
    heavy = {{"lancedb", "pyarrow", "numpy", "tree_sitter", "torch", "rich", "pygments", "asyncio"}} & set(sys.modules)
    sys.exit(f"imported: {{heavy}}" if heavy else ended.code)
"""
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert process.stderr == ""
    assert process.returncode == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_back(run: Run, shell: str) -> None:
    ran = run("completion", shell)
    assert ran.code == Exit.OK
    assert "_CONEXUS_COMPLETE" in ran.out


def test_the_shell_is_told_commands_and_options() -> None:
    answers = []
    for words in ("conexus sta", "conexus search --exp"):
        variables = {
            "_CONEXUS_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        process = subprocess.run(
            ["conexus"],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(process.stdout.split())
    assert answers == [["plain,status"], ["plain,--explain"]]
