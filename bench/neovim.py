"""Live search in the real Neovim: from the last keystroke to the screen that shows the first answers.

Neovim runs on a terminal of its own and is typed into, a key each 70 ms; the clock starts when it takes the
last key of a question and stops at the end of the redraw that shows the answer to all of it. The pause the
picker waits for more keys (40 ms) is part of the figure.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pty
import shutil
import struct
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import corpora
from bench.latency import QUESTIONS
from bench.measure import percentile
from bench.report import Report

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
_KEY_SECONDS = 0.07
_PATIENCE = 60.0


class Terminal:
    """Neovim on a pseudo-terminal; what it draws is thrown away."""

    def __init__(self, command: list[str], directory: Path, env: Mapping[str, str]) -> None:
        self._pid, self._screen = pty.fork()
        if self._pid == 0:
            os.chdir(directory)
            os.execvpe(command[0], command, env)
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        threading.Thread(target=self._drain, daemon=True).start()

    def type(self, keys: str, pause: float = _KEY_SECONDS) -> None:
        """Press keys one after the other."""
        for key in keys:
            os.write(self._screen, key.encode())
            time.sleep(pause)

    def close(self) -> None:
        """Leave Neovim and wait for its end."""
        self.type("\x1b:qa!\r")
        os.waitpid(self._pid, 0)

    def _drain(self) -> None:
        with contextlib.suppress(OSError):
            while os.read(self._screen, 65536):
                pass


class Notes:
    """What Neovim writes down, line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def next(self, seconds: float, **wanted: object) -> dict[str, Any]:
        """Return the next line with these values. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            lines = self._path.read_text("utf-8").splitlines() if self._path.exists() else []
            for number, line in enumerate(lines[self._read :], self._read + 1):
                note = json.loads(line)
                if all(note.get(name) == value for name, value in wanted.items()):
                    self._read = number
                    return note
            time.sleep(0.02)
        raise TimeoutError(f"Neovim did not say {wanted} within {seconds} s")


def measure(neovim: str, root: Path, folder: Path, rounds: int) -> list[dict[str, Any]]:
    """Return the notes of `rounds` typed questions over the files below `root`."""
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    # What Conexus says of variables it does not know is long, and Neovim would wait until that is read.
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CONEXUS_BENCH_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "BENCH_PLUGIN": str(HERE.parent / "editors" / "neovim"),
        "BENCH_OUT": str(folder / "notes"),
        "CONEXUS_DATA_DIR": str(folder / "data"),
        "CONEXUS_STATE_DIR": str(folder / "state"),
        "CONEXUS_ENGINE_IDLE_SECONDS": "1",
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_STATE_HOME": str(folder / "xdg"),
    }
    notes = Notes(folder / "notes")
    first = next(path for path in sorted(root.rglob("*.py")) if path.stat().st_size > 100)
    editor = Terminal(
        [neovim, "--clean", "-u", str(HERE / "neovim.lua"), "--cmd", "set shortmess+=I", str(first)],
        root,
        env,
    )
    try:
        notes.next(1800, ready=True)
        editor.type(":Conexus\r")
        time.sleep(1)
        found = []
        for number in range(-2, rounds):  # the first two warm it up
            question = QUESTIONS[number % len(QUESTIONS)]
            editor.type("\x15" + question)
            note = notes.next(_PATIENCE, query=question)
            found += [note] if number >= 0 else []
            time.sleep(0.3)
        return found
    finally:
        editor.close()


def main(arguments: list[str]) -> None:
    """Type into Neovim and report."""
    parser = argparse.ArgumentParser(prog="python -m bench neovim", description=__doc__)
    parser.add_argument("--rounds", type=int, default=36, help="questions typed")
    parser.add_argument("--small", action="store_true", help="the application repository, not 10 K files")
    parser.add_argument("--nvim", default=shutil.which("nvim"), help="which Neovim")
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    if options.nvim is None:
        parser.error("there is no nvim on PATH: give --nvim")
    report = Report("neovim")
    corpus = corpora.application() if options.small else corpora.ten_thousand()
    with tempfile.TemporaryDirectory(dir=corpora.CACHE, ignore_cleanup_errors=True) as folder:
        # A copy: Neovim takes a folder for a project by a mark in it, and corpora stay as they are.
        root = Path(folder) / "project"
        shutil.copytree(corpus.root, root, symlinks=True)
        (root / "conexus.toml").touch()
        found = measure(options.nvim, root, Path(folder), options.rounds)
    times, server = [note["ms"] for note in found], [note["server_ms"] for note in found]
    report.table(
        f"{corpus.files} files, {len(found)} questions typed; milliseconds",
        ("", "p50", "p95", "most"),
        [
            ("last key to answers on the screen", *(percentile(times, share) for share in (0.5, 0.95, 1.0))),
            ("of that: question to answer", *(percentile(server, share) for share in (0.5, 0.95, 1.0))),
        ],
    )
    report.bar("last key to first answers, p95 ms", percentile(times, 0.95), most=150)
    report.finish(save=options.save)
