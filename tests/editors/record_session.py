"""Records what the real Neovim says to the server while a spec types into it.

    python tests/editors/record_session.py [SPEC] [OUT]

SPEC is `live` and OUT tests/lsp/recordings/neovim-0.11.jsonl if not given. Each line of OUT is one message of the
client, with the project's path replaced by ``${ROOT}``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).parent
OUT = HERE.parent / "lsp" / "recordings" / "neovim-0.11.jsonl"


class Tee:
    """Copies bytes on and notes the messages in them."""

    def __init__(self, log: IO[str]) -> None:
        self._log = log
        self._rest = b""

    def feed(self, data: bytes) -> None:
        self._rest += data
        while True:
            head, mark, rest = self._rest.partition(b"\r\n\r\n")
            if not mark:
                return
            size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"length" in line.lower())
            if len(rest) < size:
                return
            self._log.write(rest[:size].decode() + "\n")
            self._log.flush()
            self._rest = rest[size:]


def tee(log: str, server: list[str]) -> int:
    """Stand between editor and server, and note what the editor says; return the server's exit code."""
    with (
        subprocess.Popen(server, stdin=subprocess.PIPE) as process,
        Path(log).open("a", encoding="utf-8") as file,
    ):
        notes = Tee(file)
        assert process.stdin is not None
        incoming = process.stdin

        def pump() -> None:
            while data := os.read(0, 65536):
                notes.feed(data)
                incoming.write(data)
                incoming.flush()
            incoming.close()

        threading.Thread(target=pump, daemon=True).start()
        return process.wait()


def record(spec: str, out: Path) -> int:
    """Run a spec in Neovim with the tee as its server, and write what was noted."""
    from test_neovim import NVIM, environment  # beside this file

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        home = Path(directory)
        log, command = home / "messages", home / "bin" / "conexus"
        command.parent.mkdir()
        real = shutil.which("conexus")
        command.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" --tee "{log}" "{real}" "$@"\n', "utf-8"
        )
        command.chmod(0o755)
        variables = environment(home)
        variables["PATH"] = f"{command.parent}{os.pathsep}{variables['PATH']}"
        runner = [str(NVIM), "--clean", "--headless", "-l", str(HERE / "neovim" / "runner.lua")]
        done = subprocess.run(
            [*runner, str(HERE / "neovim" / f"{spec}_spec.lua")], env=variables, cwd=home, check=False
        )
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(scrubbed(log.read_text("utf-8"), home / "projects" / spec), "utf-8")
    return done.returncode


def scrubbed(text: str, root: Path) -> str:
    """Return the messages without what belongs to this machine."""
    lines = []
    for line in text.replace(root.as_posix(), "${ROOT}").splitlines():
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == "initialize":
            message["params"]["processId"] = None
        lines.append(json.dumps(message, ensure_ascii=False))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--tee"]:
        sys.exit(tee(sys.argv[2], sys.argv[3:]))
    arguments = sys.argv[1:]
    sys.exit(record(arguments[0] if arguments else "live", Path(arguments[1]) if arguments[1:] else OUT))
