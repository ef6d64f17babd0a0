"""What is logged, where, and what never is."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from conexus import log

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_to_restore: None) -> Path:
    monkeypatch.setenv("CONEXUS_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def logged(path: Path | None) -> str:
    assert path is not None
    return path.read_text("utf-8")


def log_exception(inner: str, outer: str) -> None:
    logging.getLogger("conexus.part").error("%s", outer, exc_info=ValueError(inner))


def test_warnings_reach_stderr_and_everything_else_only_the_file(capfd: pytest.CaptureFixture[str]) -> None:
    path = log.configure()
    logger = logging.getLogger("conexus.part")
    logger.debug("finest")
    logger.info("fine")
    logger.warning("careful")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == "conexus: careful\n"
    assert "INFO" in logged(path)
    assert "fine" in logged(path)
    assert "finest" not in logged(path)


def test_debug_logs_more(state: Path) -> None:
    path = log.configure(debug=True)
    logging.getLogger("conexus.part").debug("finest")
    assert path == state / "conexus.log"
    assert "finest" in logged(path)


def test_the_traceback_is_for_the_file(capfd: pytest.CaptureFixture[str]) -> None:
    path = log.configure()
    log_exception("inner", "outer")
    assert capfd.readouterr().err == "conexus: outer\n"
    assert "ValueError: inner" in logged(path)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("fetch https://me:hunter22@host/x", "hunter22"),
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("password = hunter22", "hunter22"),
        ('{"api_key": "hunter22"}', "hunter22"),
        ("AWS_SECRET_TOKEN=hunter22 rest", "hunter22"),
        ("key AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghij"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----", "MIIEabc"),
    ],
)
def test_text_shaped_like_a_secret_is_masked(
    text: str, secret: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = log.configure()
    log_exception(text, text)
    assert secret not in logged(path)
    assert secret not in capfd.readouterr().err
    assert "[masked]" in logged(path)


@pytest.mark.parametrize("text", ["3 files/s", "tokens: many", "https://host/path@v1", "the token is gone"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert log.masked(text) == text


def test_a_name_cannot_forge_a_line() -> None:
    path = log.configure()
    logging.getLogger("conexus.part").warning("%s", "a\n2026 ERROR forged \udcff\x1b[31m")
    assert len(logged(path).splitlines()) == 1
    assert "\\n2026" in logged(path)


def test_the_file_rotates_and_is_the_users_alone(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_BYTES_PER_FILE", 2_000)
    path = log.configure()
    for _ in range(200):
        logging.getLogger("conexus.part").info("x" * 100)
    names = sorted(entry.name for entry in state.iterdir())
    assert names == ["conexus.log", "conexus.log.1", "conexus.log.2", "conexus.log.3"]
    assert path is not None
    assert path.stat().st_size <= 2_000
    if os.name == "posix":
        assert {entry.stat().st_mode & 0o777 for entry in state.iterdir()} == {0o600}


def test_without_a_place_for_the_file_the_warnings_remain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CONEXUS_STATE_DIR", str(tmp_path / "file" / "state"))
    assert log.configure() is None
    logging.getLogger("conexus.part").warning("still here")
    captured = capfd.readouterr().err
    assert "cannot be written" in captured
    assert "still here" in captured


def test_configuring_twice_logs_once() -> None:
    log.configure()
    path = log.configure()
    logging.getLogger("conexus.part").info("once")
    assert logged(path).count("once") == 1


def test_the_state_directory_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CONEXUS_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert log.state_directory().is_relative_to(tmp_path)
