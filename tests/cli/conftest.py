"""The command in this process, on real folders, with a home of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import pytest
from attrs import frozen

from conexus.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@frozen
class Ran:
    code: int
    out: str
    err: str


class Run(Protocol):
    def __call__(self, *arguments: object) -> Ran: ...


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_to_restore: None) -> Path:
    for variable in [name for name in os.environ if name.startswith("CONEXUS_")]:
        monkeypatch.delenv(variable)
    for variable, name in {
        "XDG_CONFIG_HOME": "config",
        "CONEXUS_DATA_DIR": "data",
        "CONEXUS_STATE_DIR": "state",
    }.items():
        monkeypatch.setenv(variable, str(tmp_path / "home" / name))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def conexus(*arguments: object) -> Ran:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([os.fspath(a) if isinstance(a, os.PathLike) else str(a) for a in arguments])
        captured = capfd.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return conexus


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a small folder with a few things to find."""
    root = tmp_path / "project"
    files = {
        "src/secrets.py": 'def redact_secrets(text):\n    """Mask passwords and keys."""\n    return mask(text)\n',
        "src/net/http_client.py": (
            'class HttpClient:\n    """Talks to servers."""\n\n'
            '    def send(self, request):\n        """Send a request, retry with backoff."""\n'
            "        return retry(request)\n"
        ),
        "src/parse.go": "package parse\n\n// ParseConfig reads the configuration file.\nfunc ParseConfig() {}\n",
        "README.md": "# Sample\n\nA project for tests.\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (root / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    return root
