"""Where an engine lives, how a front finds it, and how one is started.

One engine serves a data directory. Whoever holds the lock there is it; its address stands beside the lock. The
socket itself lies in a directory that only the user may enter.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from conexus.domain import digest_of
from conexus.engine.wire import EngineError
from conexus.log import state_directory
from conexus.store.memory import STAYING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

LOCK_NAME = "lock"
OUTPUT_NAME = "engine.out"
_HOME_NAME = "engine"
_ADDRESS_NAME = "address.json"
# The smallest limit of a socket's path among systems is 104 bytes.
_LONGEST_SOCKET_PATH = 100
_LARGEST_OUTPUT = 1_000_000
_STREAM_LIMIT = 1 << 20
# After each product of a matrix, numpy's other threads look for the next one for 25 ms, on cores that others could use.
_ALONE = {"OPENBLAS_NUM_THREADS": "1"}
_spawned: dict[Path, float] = {}


@frozen
class Address:
    """Where an engine listens, and what it is."""

    pid: int
    version: str
    wire: int
    socket: str
    """Path of a Unix socket; empty where there are none, and then `port` and `token` count."""
    port: int = 0
    token: str = ""
    """What a client of a loopback port says first, because any user of the machine may connect to one."""


def home_of(data_directory: Path) -> Path:
    """Return the directory of the engine's lock and address, made for this user alone."""
    home = data_directory.absolute() / _HOME_NAME
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def read_address(data_directory: Path) -> Address | None:
    """Return where the engine of this data directory was last known to listen."""
    try:
        return Address(**json.loads((data_directory / _HOME_NAME / _ADDRESS_NAME).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_address(data_directory: Path, address: Address) -> None:
    """Tell fronts where to connect; only the user may read it."""
    home = home_of(data_directory)
    new = home / f"{_ADDRESS_NAME}.{os.getpid()}"
    new.touch(mode=0o600)
    new.write_text(json.dumps(attrs.asdict(address)), "utf-8")
    new.replace(home / _ADDRESS_NAME)


def remove_address(data_directory: Path) -> None:
    """Take back what `write_address` told."""
    (data_directory / _HOME_NAME / _ADDRESS_NAME).unlink(missing_ok=True)


def is_newer(version: str, than: str) -> bool:
    """Return whether one release number is higher than another; what follows the numbers does not count."""
    return _numbers(version) > _numbers(than)


def socket_path(data_directory: Path) -> Path:
    """Return where the socket for this data directory goes, its directory made for this user alone.

    Raises EngineError if every place is too long for a socket's path or open to others.
    """
    name = f"{digest_of(os.fsencode(data_directory.absolute())).hex()[:12]}.sock"
    for directory in _socket_directories():
        path = directory / name
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH and _is_private(directory):
            return path
    raise EngineError("there is no private directory for the engine's socket: set XDG_RUNTIME_DIR to one")


def spawn_early(data_directory: Path) -> None:
    """Start an engine where one has run before and none does, by a front that has yet to load its own libraries.

    Where none has run, the editor may still name another directory.
    """
    if (data_directory / _HOME_NAME).is_dir() and read_address(data_directory) is None:
        with contextlib.suppress(OSError):  # who connects says so
            spawn(data_directory)


def spawned_at(data_directory: Path) -> float:
    """Return when this process last started an engine there, by `time.monotonic`; minus infinity if never."""
    return _spawned.get(data_directory.absolute(), -math.inf)


def spawn(data_directory: Path) -> None:
    """Start an engine that outlives this process; if another one serves, it ends by itself."""
    _spawned[data_directory.absolute()] = time.monotonic()
    home = home_of(data_directory)
    with _output() as output:
        process = subprocess.Popen(
            # -P: the directory we stand in must not be able to shadow our modules.
            [sys.executable, "-P", "-m", "conexus.engine.host", os.fspath(data_directory.absolute())],
            cwd=home,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **_detached(),
        )
    # Somebody must wait for it, or it stays a zombie for as long as this process lives.
    threading.Thread(target=process.wait, daemon=True, name="conexus-engine-reaper").start()


def environment() -> dict[str, str]:
    """Return the environment an engine is started in: ours, and what keeps a process small that stays."""
    return {"LANCEDB_LOG": "error", "MALLOC_ARENA_MAX": "2", **_ALONE, **STAYING, **os.environ}


async def connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return streams to the engine at `address`. Raises OSError."""
    import asyncio

    if address.socket:
        return await asyncio.open_unix_connection(address.socket, limit=_STREAM_LIMIT)
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port, limit=_STREAM_LIMIT)
    writer.write(address.token.encode("ascii"))
    return reader, writer


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"[\d.]*", version)
    return tuple(int(part) for part in (release[0] if release else "").split(".") if part)


def _socket_directories() -> Iterator[Path]:
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "conexus"
    yield state_directory() / "run"
    yield Path(tempfile.gettempdir()) / f"conexus-{os.getuid()}"


def _is_private(directory: Path) -> bool:
    """Make `directory` if it is missing and return whether it belongs to this user alone."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.lstat()
    except OSError:
        return False
    is_directory = not directory.is_symlink() and directory.is_dir()
    return is_directory and status.st_uid == os.getuid() and not status.st_mode & 0o077


def _output() -> Any:
    """Open the file for what libraries print; our own messages go to the log."""
    path = state_directory() / OUTPUT_NAME
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LARGEST_OUTPUT:
            path.replace(path.with_name(f"{OUTPUT_NAME}.1"))
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
    except OSError:
        return open(os.devnull, "ab")  # noqa: PTH123 -- the caller closes it


def _detached() -> dict[str, Any]:
    if os.name == "nt":
        # Named by string, because they exist on Windows only.
        flags = ("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW")
        return {"creationflags": sum(getattr(subprocess, flag) for flag in flags)}
    return {"start_new_session": True}
