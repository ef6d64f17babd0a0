"""An agent as small as can be: the agents' server over stdio, timed at the moment a reply's bytes arrive."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class AgentError(Exception):
    """A tool failed: its figures would mean nothing."""


class Agent:
    """One running server of the Model Context Protocol."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **environment},
        )  # fmt: skip
        self.pid = self._process.pid
        self._number = 0

    def initialize(self) -> float:
        """Return the seconds from starting the process to the answer of ``initialize``."""
        client = {"name": "bench", "version": "1"}
        answered, _ = self._request(
            "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
        )
        self._send({"method": "notifications/initialized"})
        return answered - self.started

    def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Return the result of a tool. Raises AgentError."""
        return self.timed(tool, **arguments)[1]

    def timed(self, tool: str, **arguments: object) -> tuple[float, dict[str, Any]]:
        """Return (milliseconds from writing the call to its reply's arrival, result)."""
        begun = time.perf_counter()
        answered, result = self._request("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            raise AgentError(result["content"])
        return 1e3 * (answered - begun), result

    def close(self) -> None:
        """Go away as a client does."""
        self._process.stdin.close()
        self._process.wait(20)

    def _request(self, method: str, params: Mapping[str, object]) -> tuple[float, dict[str, Any]]:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while line := self._process.stdout.readline():
            arrived = time.perf_counter()
            message = json.loads(line)
            if message.get("id") == self._number:
                if "error" in message:
                    raise AgentError(f"{method}: {message['error']}")
                return arrived, message["result"]
        raise AgentError(f"{method}: the server went away")

    def _send(self, message: Mapping[str, object]) -> None:
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self._process.stdin.flush()
