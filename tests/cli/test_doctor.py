"""``conexus doctor``: it finds what is wrong, and only that."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conexus.cli import checks
from conexus.cli.checks import Check, State, examine
from conexus.cli.exits import Exit
from conexus.settings import load

if TYPE_CHECKING:
    from .conftest import Run


def found(name: str) -> Check:
    return next(check for check in examine(load(Path("/"))) if check.name == name)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the trial out where another check is looked at."""
    monkeypatch.setattr(checks, "_trial", lambda *_: Check("index and search", State.OK, ""))


def test_here_all_is_well(run: Run, project: Path, home: Path) -> None:
    ran = run("doctor", project)
    assert ran.code == Exit.OK
    assert "fail" not in ran.out
    assert "ok    index and search: a sample was indexed and found with the model static" in ran.out
    assert not list((home / "data").glob("doctor-*"))


def test_json_has_every_check(run: Run, project: Path) -> None:
    record = json.loads(run("doctor", project, "--json").out)
    assert record["ok"] is True
    assert {"name", "state", "detail", "advice"} == set(record["checks"][0])
    assert len(record["checks"]) == 11


def test_a_data_directory_that_is_none_fails_with_advice(run: Run, project: Path, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "data").touch()
    ran = run("doctor", project)
    assert ran.code == Exit.NOTHING
    assert "fail  data directory" in ran.out
    assert "checks failed." in ran.out
    assert "Traceback" not in ran.err


@pytest.mark.usefixtures("quick")
def test_a_disk_without_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    check = found("hard links")
    assert check.state is State.FAIL
    assert "index.directory" in check.advice


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("free", "state"), [(50_000_000, State.FAIL), (500_000_000, State.WARN)])
def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, free: int, state: State) -> None:
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert found("disk space").state is state


@pytest.mark.usefixtures("quick")
def test_a_data_directory_open_to_others(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data").chmod(0o777)
    check = found("data directory")
    assert check.state is State.WARN
    assert check.advice.startswith("chmod")


@pytest.mark.usefixtures("quick")
def test_a_missing_dependency(monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.metadata.version

    def version(name: str) -> str:
        if name == "rapidfuzz":
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    check = found("dependencies")
    assert (check.state, check.detail) == (State.FAIL, "missing: rapidfuzz")


@pytest.mark.usefixtures("quick")
def test_not_installed_as_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    assert found("dependencies").state is State.WARN


@pytest.mark.usefixtures("quick")
def test_without_git_or_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert found("git").state is State.WARN
    assert found("log").state is State.WARN


@pytest.mark.usefixtures("quick")
def test_few_file_watches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "limit").write_text("8192\n", "utf-8")
    monkeypatch.setattr(checks, "_WATCHES", tmp_path / "limit")
    assert found("file watches").state is State.WARN
    monkeypatch.setattr(checks, "_WATCHES", tmp_path / "none")
    assert found("file watches").state is State.OK


@pytest.mark.usefixtures("quick")
def test_no_place_for_a_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert found("local socket").state is State.OK
    monkeypatch.setattr(
        "conexus.engine.lifecycle.socket_path", lambda _: tmp_path / "missing" / "engine.sock"
    )
    check = found("local socket")
    assert check.state is State.FAIL
    assert "missing/engine.sock" in check.detail


@pytest.mark.usefixtures("quick")
def test_wrong_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONEXUS_SEARCH_LIMIT", "many")
    assert found("settings").state is State.WARN


@pytest.mark.usefixtures("quick")
def test_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.sys, "maxsize", 2**31 - 1)
    assert found("python").state is State.FAIL


def test_a_model_that_is_not_there(run: Run, project: Path) -> None:
    ran = run("doctor", project, "--set", "model.name=/no/such/model")
    assert ran.code == Exit.NOTHING
    assert "/no/such/model" in ran.out


def test_a_scope_that_leaves_nothing(run: Run, project: Path) -> None:
    ran = run("doctor", project, "--set", "scope.exclude=*")
    assert ran.code == Exit.NOTHING
    assert "a sample file was not found" in ran.out
