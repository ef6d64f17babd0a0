"""Run the protocol's conformance suite: ``python run.py DIRECTORY_OF_NODE_MODULES``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def main(modules: Path) -> int:
    """Start the shipped server over HTTP, run every scenario against it and return the suite's exit code."""
    with tempfile.TemporaryDirectory(prefix="conexus-conformance-") as temporary:
        home = Path(temporary)
        root = home / "project"
        root.mkdir()
        (root / "123.txt").write_text("Number 123 of the files that are read.\n", "utf-8")
        environment = {
            **os.environ,
            "CONEXUS_DATA_DIR": str(home / "data"),
            "CONEXUS_STATE_DIR": str(home / "state"),
            "CONEXUS_MCP_REQUESTS_PER_MINUTE": "10000",
            "CONEXUS_ENGINE_IDLE_SECONDS": "1",
        }
        server = subprocess.Popen(
            [sys.executable, "-m", "conexus", "mcp", "--http", "--port", "0", "--root", str(root)],
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        try:
            assert server.stderr is not None
            url = server.stderr.readline().split()[1].rstrip(",")
            token = (home / "state" / "mcp-token").read_text("ascii").strip()
            return _suite(modules, url, {**environment, "CONEXUS_MCP_TOKEN": token}, home)
        finally:
            server.terminate()
            server.wait()


def _suite(modules: Path, url: str, environment: dict[str, str], home: Path) -> int:
    suite = modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    done = subprocess.run(
        [
            str(modules / ".bin" / "node"),
            "--import",
            (HERE / "fixtures.mjs").as_uri(),
            str(suite),
            "server",
            "--url",
            url,
            "--expected-failures",
            str(HERE / "expected.yml"),
            "--output-dir",
            str(home / "results"),
        ],
        env={**environment, "CONEXUS_CONFORMANCE": str(suite)},
        check=False,
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
