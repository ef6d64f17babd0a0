"""The watcher where the system does not play along."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.engine_process.engine_world import eventually

from conexus.settings import ScopeSettings
from conexus.workspace.files import Scope
from conexus.workspace.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Seen:
    def __init__(self) -> None:
        self.paths: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, paths: list[str]) -> None:
        with self._lock:
            self.paths.update(paths)


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def watcher(tmp_path: Path, seen: Seen) -> Iterator[Watcher]:
    made = Watcher(tmp_path, seen, 0.05)
    yield made
    made.close()


def follow(watcher: Watcher, root: Path) -> None:
    watcher.follow(Scope(root, ScopeSettings()).walk())


def test_says_when_the_system_refuses(
    tmp_path: Path, watcher: Watcher, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles._rust_notify.RustNotify", refuse)
    assert watcher.state == "client"
    watcher.start()
    follow(watcher, tmp_path)
    assert eventually(lambda: seen.paths == {""})
    assert watcher.state == "rescanning every 0.05 s: OS file watch limit reached"
    # It tries again when there are other directories to watch.
    monkeypatch.undo()
    (tmp_path / "new").mkdir()
    follow(watcher, tmp_path)
    assert eventually(lambda: watcher.state == "watching")


def test_watches_one_by_one_and_leaves_out_what_is_ignored(
    tmp_path: Path, watcher: Watcher, seen: Seen
) -> None:
    (tmp_path / "node_modules" / "deep").mkdir(parents=True)
    (tmp_path / "src").mkdir()
    watcher.start()
    follow(watcher, tmp_path)
    assert watcher._directories == {"", "src"}

    def changed() -> bool:
        (tmp_path / "src" / "a.py").write_text("x")
        return "src/a.py" in seen.paths

    assert eventually(changed)
    (tmp_path / "node_modules" / "x.js").write_text("x")
    (tmp_path / "node_modules" / "deep" / "x.js").write_text("x")
    (tmp_path / "src" / "b.py").write_text("x")
    assert eventually(lambda: "src/b.py" in seen.paths)
    assert not any("node_modules" in path for path in seen.paths)


def test_what_changed_between_the_walk_and_the_watch_is_not_missed(
    tmp_path: Path, watcher: Watcher, seen: Seen
) -> None:
    walk = Scope(tmp_path, ScopeSettings()).walk()
    (tmp_path / "between.py").write_text("x")
    watcher.follow(walk)
    watcher.start()
    assert eventually(lambda: "" in seen.paths)


def test_what_appears_in_a_new_directory_is_not_missed(tmp_path: Path, watcher: Watcher, seen: Seen) -> None:
    watcher.start()
    follow(watcher, tmp_path)
    (tmp_path / "probe").write_text("x")
    assert eventually(lambda: seen.paths or (tmp_path / "probe").write_text("y") is None)
    (tmp_path / "new").mkdir()
    walk = Scope(tmp_path, ScopeSettings()).walk()
    (tmp_path / "new" / "a.py").write_text("x")
    (tmp_path / "new" / "deep").mkdir()
    watcher.follow(walk)
    assert eventually(lambda: {"new/a.py", "new/deep", ""} <= seen.paths)


def test_a_directory_that_vanished_meanwhile_is_looked_at_again(
    tmp_path: Path, watcher: Watcher, seen: Seen
) -> None:
    (tmp_path / "gone").mkdir()
    walk = Scope(tmp_path, ScopeSettings()).walk()
    (tmp_path / "gone").rmdir()
    watcher.start()
    watcher.follow(walk)
    assert eventually(lambda: "gone" in seen.paths)


def test_closing_before_anything_happened_ends_the_thread(watcher: Watcher) -> None:
    watcher.start()
    watcher.start()
    watcher.close()
    assert watcher._thread is not None
    assert not watcher._thread.is_alive()
