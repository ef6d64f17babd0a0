"""An editor as small as can be: the language server over stdio, timed at the moment a reply's bytes arrive."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SECONDS = 300.0


class ReplyError(Exception):
    """The server answered with an error, or not at all."""


class Editor:
    """One running ``conexus lsp``; safe to use from several threads."""

    def __init__(self, data: Path, **variables: str) -> None:
        """Start the server, with `variables` in its environment."""
        self.started = time.perf_counter()
        own = {"CONEXUS_DATA_DIR": str(data), "CONEXUS_STATE_DIR": str(data / "state")}
        env = {**os.environ, **own, **variables}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "conexus", "lsp"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env,
        )  # fmt: skip
        self.pid = self._process.pid
        self.progress: dict[str, float] = {}
        """Token → when the first partial result came, by `time.perf_counter`."""
        self.partial: dict[str, Any] = {}
        """Token → the last partial result."""
        self._waiting: dict[int, queue.SimpleQueue[tuple[float, dict[str, Any]]]] = {}
        self._number = 0
        self._sending = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def initialize(self, root: Path) -> float:
        """Open `root`; return the seconds from starting the process to the answer of ``initialize``."""
        folder = {"uri": root.resolve().as_uri(), "name": root.name}
        answered, _ = self._timed(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folder["uri"],
                "workspaceFolders": [folder],
                "capabilities": {"general": {"positionEncodings": ["utf-8"]}, "workspace": {"workspaceFolders": True}},
                "clientInfo": {"name": "bench"},
            },
        )  # fmt: skip
        self.notify("initialized", {})
        return answered - self.started

    def request(self, method: str, params: Mapping[str, Any]) -> Any:
        """Return the result. Raises ReplyError."""
        return self._timed(method, params)[1]

    def timed(self, method: str, params: Mapping[str, Any]) -> tuple[float, Any]:
        """Return (milliseconds from writing the request to its reply's arrival, result)."""
        begun = time.perf_counter()
        answered, result = self._timed(method, params)
        return 1e3 * (answered - begun), result

    def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send without waiting."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def search(self, text: str) -> list[dict[str, Any]]:
        """Return the hits of ``conexus/search``."""
        return self.request("conexus/search", {"query": text})["hits"]

    def wait_until_complete(self) -> None:
        """Return when every file was looked at and all that was sent is searchable."""
        self.request("conexus/waitForRevision", {"complete": True, "timeoutMs": int(_SECONDS * 1e3)})

    def close(self) -> None:
        """Shut the server down as an editor does."""
        self.request("shutdown", {})
        self.notify("exit", {})
        self._process.wait(20)

    def _timed(self, method: str, params: Mapping[str, Any]) -> tuple[float, Any]:
        answer: queue.SimpleQueue[tuple[float, dict[str, Any]]] = queue.SimpleQueue()
        with self._sending:
            self._number += 1
            number = self._number
        self._waiting[number] = answer
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        answered, message = answer.get(timeout=_SECONDS)
        if "error" in message:
            raise ReplyError(f"{method}: {message['error']}")
        return answered, message["result"]

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps(message).encode()
        with self._sending:
            self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            self._process.stdin.flush()

    def _read(self) -> None:
        stream = self._process.stdout
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            body = stream.read(length)
            arrived = time.perf_counter()
            message = json.loads(body)
            if "method" in message and "id" in message:
                self._send({"jsonrpc": "2.0", "id": message["id"], "result": None})
            elif message.get("method") == "$/progress":
                token = message["params"]["token"]
                self.progress.setdefault(token, arrived)
                self.partial[token] = message["params"]["value"]
            elif "id" in message and (waiting := self._waiting.pop(message["id"], None)):
                waiting.put((arrived, message))
