"""Where the engine is found, and that nobody else finds it."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from conexus.engine import lifecycle
from conexus.engine.lifecycle import Address, is_newer
from conexus.engine.wire import EngineError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("version", "than", "newer"),
    [
        ("0.2.0", "0.1.9", True),
        ("0.10.0", "0.9.0", True),
        ("1.0", "1.0.0", False),
        ("0.1.0", "0.1.0", False),
        ("0.1.0", "0.2.0", False),
        ("0.1.0.dev1", "0.1.0", False),
        ("odd", "0.1.0", False),
    ],
)
def test_newer_is_by_release_numbers(version: str, than: str, newer: bool) -> None:
    assert is_newer(version, than=than) is newer


def test_addresses_are_private_and_come_back(tmp_path: Path) -> None:
    address = Address(1, "0.1.0", 1, "/run/x.sock")
    lifecycle.write_address(tmp_path, address)
    assert lifecycle.read_address(tmp_path) == address
    home = tmp_path / "engine"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in home.iterdir())
    lifecycle.remove_address(tmp_path)
    assert lifecycle.read_address(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"odd": 1}'])
def test_a_damaged_address_is_none(tmp_path: Path, text: str) -> None:
    lifecycle.home_of(tmp_path)
    (tmp_path / "engine" / "address.json").write_text(text)
    assert lifecycle.read_address(tmp_path) is None


def test_sockets_lie_in_a_private_directory_with_a_short_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", os.fspath(tmp_path / ("long" * 30)))
    monkeypatch.setenv("CONEXUS_STATE_DIR", os.fspath(tmp_path / ("long" * 30)))
    path = lifecycle.socket_path(tmp_path)
    assert len(os.fsencode(path)) <= 100
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_directory_open_to_others_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_RUNTIME_DIR", "CONEXUS_STATE_DIR"):
        directory = tmp_path / variable
        for below in ("conexus", "run"):
            (directory / below).mkdir(parents=True)
            (directory / below).chmod(0o777)
        monkeypatch.setenv(variable, os.fspath(directory))
    monkeypatch.setattr("tempfile.tempdir", os.fspath(tmp_path / ("t" * 100)))
    with pytest.raises(EngineError, match="XDG_RUNTIME_DIR"):
        lifecycle.socket_path(tmp_path)


def test_a_link_in_place_of_the_directory_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    (runtime / "conexus").symlink_to(private)
    monkeypatch.setenv("XDG_RUNTIME_DIR", os.fspath(runtime))
    monkeypatch.setenv("CONEXUS_STATE_DIR", os.fspath(tmp_path / "state"))
    assert lifecycle.socket_path(tmp_path).parent == tmp_path / "state" / "run"


@pytest.mark.skipif(sys.platform == "win32", reason="file modes")
def test_output_of_libraries_is_private_and_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONEXUS_STATE_DIR", os.fspath(tmp_path))
    (tmp_path / lifecycle.OUTPUT_NAME).write_bytes(b"x" * 1_000_001)
    with lifecycle._output() as output:
        output.write(b"new")
    assert (tmp_path / lifecycle.OUTPUT_NAME).read_bytes() == b"new"
    assert (tmp_path / f"{lifecycle.OUTPUT_NAME}.1").stat().st_size == 1_000_001
    assert stat.S_IMODE((tmp_path / lifecycle.OUTPUT_NAME).stat().st_mode) == 0o600


def test_an_early_engine_is_started_only_where_one_has_run_and_none_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []
    monkeypatch.setattr(lifecycle, "spawn", started.append)
    lifecycle.spawn_early(tmp_path)
    assert started == []
    lifecycle.write_address(tmp_path, Address(1, "0.1.0", 1, "/run/x.sock"))
    lifecycle.spawn_early(tmp_path)
    assert started == []
    lifecycle.remove_address(tmp_path)
    lifecycle.spawn_early(tmp_path)
    assert started == [tmp_path]


def test_an_engine_leaves_other_cores_alone_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert lifecycle.environment()["OPENBLAS_NUM_THREADS"] == "1"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    assert lifecycle.environment()["OPENBLAS_NUM_THREADS"] == "3"
