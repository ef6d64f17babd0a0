"""Folders whose rules come from the test alone, not from the machine's own git configuration."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from conexus.settings import ScopeSettings
from conexus.workspace.files import Scope, Skipped, SkipReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give git and us an empty home directory."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture(scope="session")
def init() -> Callable[[Path], None]:
    """Return a function that makes a folder a git repository."""

    def make(root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "init", "-q", str(root)], check=True)

    return make


@pytest.fixture
def check() -> Callable[..., tuple[set[str], dict[str, SkipReason]]]:
    """Return the one check of a scope: see `_check`."""
    return _check


def _check(root: Path, **settings: object) -> tuple[set[str], dict[str, SkipReason]]:
    """Walk `root`, hold every path in it to `admit`, and return the files and why the rest is not there."""
    scope = Scope(root, ScopeSettings(**settings))  # type: ignore[arg-type]
    walk = scope.walk()
    for entry in walk.entries:
        assert scope.admit(entry.path) == entry
    for skip in walk.skipped:
        assert scope.admit(skip.path) == skip
    known = {entry.path for entry in walk.entries}
    reasons = {skip.path: skip.reason for skip in walk.skipped}
    for path in _below(root):
        admitted = scope.admit(path)
        assert isinstance(admitted, Skipped) == (path not in known)
        ancestors = [path.rsplit("/", up)[0] for up in range(path.count("/") + 1)]
        above = [reasons[ancestor] for ancestor in ancestors if ancestor in reasons]
        if above:
            assert isinstance(admitted, Skipped)
            assert admitted.reason == above[-1]
    return known, reasons


def _below(root: Path) -> Iterator[str]:
    return (str(path.relative_to(root)) for path in root.rglob("*"))
