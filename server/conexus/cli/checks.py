"""The checks of ``conexus doctor``. Each looks at one thing and never raises."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import platform
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from conexus import log, settings
from conexus.engine import lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conexus.settings import Loaded, Settings

_logger = logging.getLogger(__name__)
_DISTRIBUTION = "conexus-lsp"
_REQUIREMENT_NAME = re.compile(r"[A-Za-z0-9._-]+")
_LOW_DISK, _NO_DISK = 1_000_000_000, 100_000_000
_FEW_WATCHES = 65_536
_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")
_SAMPLE = '''def redact_secrets(text):
    """Replace passwords and keys by a mask."""
    return text.replace("hunter2", "[masked]")
'''


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@frozen
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    detail: str
    advice: str = ""
    """What to do, unless all is well."""


def examine(loaded: Loaded) -> Iterator[Check]:
    """Yield all checks for the settings in force, each as soon as it is done."""
    data = settings.data_directory(loaded.settings)
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("python", _python),
        ("dependencies", _dependencies),
        ("settings", partial(_settings, loaded)),
        ("data directory", partial(_data_directory, data)),
        ("hard links", partial(_hard_links, data)),
        ("disk space", partial(_disk_space, data)),
        ("log", _log),
        ("git", _git),
        ("file watches", partial(_watches, _WATCHES)),
        ("local socket", partial(_socket, data)),
        ("index and search", partial(_trial, loaded.settings, data)),
    ]
    for name, check in checks:
        try:
            yield check()
        except Exception as error:  # whatever breaks here is what the doctor is for
            _logger.info("check %s failed", name, exc_info=True)
            detail = str(error).partition("\n")[0] or type(error).__name__
            yield Check(name, State.FAIL, detail, "Mend what the message names, then run this again.")


def _python() -> Check:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.maxsize < 2**32:
        return Check(
            "python", State.FAIL, f"{detail}, 32 bits", "Install a 64-bit Python: the store needs it."
        )
    return Check("python", State.OK, detail)


def _dependencies() -> Check:
    try:
        required = importlib.metadata.requires(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return Check(
            "dependencies", State.WARN, "not installed as a package, so they are not known", "pip install ."
        )
    missing = [name for line in required if "extra ==" not in line and not _installed(name := _name_of(line))]
    if missing:
        advice = f"{sys.executable} -m pip install {_DISTRIBUTION}"
        return Check("dependencies", State.FAIL, f"missing: {', '.join(missing)}", advice)
    optional = "with" if _installed("sentence-transformers") else "without"
    return Check("dependencies", State.OK, f"all installed, {optional} the extra for transformer models")


def _name_of(requirement: str) -> str:
    found = _REQUIREMENT_NAME.match(requirement)
    return found[0] if found else requirement


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _settings(loaded: Loaded) -> Check:
    if loaded.problems:
        return Check(
            "settings", State.WARN, "; ".join(loaded.problems), "Correct them; `conexus config` shows all."
        )
    changed = sum(origin != settings.DEFAULT_ORIGIN for origin in loaded.origins.values())
    return Check("settings", State.OK, f"{changed} of {len(loaded.origins)} set by you or the folder")


def _data_directory(data: Path) -> Check:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=data, prefix="doctor-") as file:
        file.write(b"x")
        file.flush()
    if os.name == "posix" and data.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return Check("data directory", State.WARN, f"{data}: others may write to it", f"chmod go-w {data}")
    return Check("data directory", State.OK, f"{data} can be written")


def _hard_links(data: Path) -> Check:
    with tempfile.TemporaryDirectory(dir=data, prefix="doctor-") as directory:
        first = Path(directory, "first")
        first.touch()
        try:
            Path(directory, "second").hardlink_to(first)
        except OSError as error:
            advice = "The store commits by hard link: set index.directory to a disk that has them."
            return Check("hard links", State.FAIL, f"{data}: {error.strerror}", advice)
    return Check("hard links", State.OK, "supported")


def _disk_space(data: Path) -> Check:
    free = shutil.disk_usage(data).free
    detail = f"{free / 1e9:,.1f} GB free at {data}"
    if free < _LOW_DISK:
        state = State.FAIL if free < _NO_DISK else State.WARN
        return Check("disk space", state, detail, "Free some space, or set index.directory to another disk.")
    return Check("disk space", State.OK, detail)


def _log() -> Check:
    path = log.state_directory() / log.FILE_NAME
    if not os.access(path, os.W_OK):
        advice = "Set CONEXUS_STATE_DIR to a directory of yours."
        return Check("log", State.WARN, f"{path} cannot be written, so errors leave no trace", advice)
    return Check("log", State.OK, str(path))


def _git() -> Check:
    git = shutil.which("git")
    if git is None:
        advice = "Install git, so that its global ignore file is honoured."
        return Check("git", State.WARN, "not found", advice)
    version = subprocess.run(
        [git, "--version"], capture_output=True, text=True, timeout=10, check=True
    ).stdout
    return Check("git", State.OK, version.strip())


def _watches(limit: Path) -> Check:
    if not limit.exists():
        return Check("file watches", State.OK, "no limit on this system")
    allowed = int(limit.read_text())
    if allowed < _FEW_WATCHES:
        advice = f"sudo sysctl fs.inotify.max_user_watches={_FEW_WATCHES * 8}"
        return Check("file watches", State.WARN, f"{allowed:,} directories can be watched", advice)
    return Check("file watches", State.OK, f"{allowed:,} directories can be watched")


def _socket(data: Path) -> Check:
    """Open a socket where the engine's would be; a loopback port needs no place."""
    if os.name == "nt":
        return Check("local socket", State.OK, "a loopback port, guarded by a token")
    path = lifecycle.socket_path(data)
    trial = path.with_suffix(".try")
    trial.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(os.fspath(trial))
        except OSError as error:
            advice = (
                "Editors cannot reach the engine. Set XDG_RUNTIME_DIR to a directory that allows sockets."
            )
            return Check("local socket", State.FAIL, f"{path}: {error.strerror}", advice)
    trial.unlink(missing_ok=True)
    return Check("local socket", State.OK, str(path))


def _trial(chosen: Settings, data: Path) -> Check:
    # The whole path on a file of our own, in the place where indexes live: the parse workers, the model, the
    # store and the search have to work together, and only using them shows that.
    from conexus.engine.engine import Engine
    from conexus.search.query import SearchRequest

    with (
        tempfile.TemporaryDirectory(prefix="conexus-doctor-") as folder,
        tempfile.TemporaryDirectory(dir=data, prefix="doctor-") as store,
    ):
        Path(folder, "sample.py").write_text(_SAMPLE, "utf-8")
        with Engine(chosen, Path(store)) as engine:
            opened = engine.open(Path(folder))
            report = opened.reconcile()
            hits = opened.search(SearchRequest("where are secrets redacted")).hits
    if not hits:
        skipped = ", ".join(report.skipped) or "nothing"
        advice = "Look at `conexus config`: a scope or model setting may leave nothing to find."
        return Check(
            "index and search", State.FAIL, f"a sample file was not found (skipped: {skipped})", advice
        )
    return Check(
        "index and search", State.OK, f"a sample was indexed and found with the model {chosen.model.name}"
    )
