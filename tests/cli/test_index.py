"""``conexus index`` and ``conexus status``."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from conexus.cli import progress
from conexus.cli.exits import Exit
from conexus.cli.progress import ProgressView
from conexus.indexing.indexer import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run


def test_the_summary_counts_files_chunks_and_skips(run: Run, project: Path) -> None:
    ran = run("index", project)
    assert ran.code == Exit.OK
    assert ran.out.startswith("4 files (4 read, 0 removed, 0 unchanged), ")
    assert "1 skipped (1 " in ran.out
    assert len(ran.out.splitlines()) == 1


def test_an_unchanged_folder_embeds_nothing(run: Run, project: Path) -> None:
    run("index", project)
    report = json.loads(run("index", project, "--json").out)
    assert (report["indexed"], report["embedded"], report["files"]) == (0, 0, 4)


def test_edits_and_deletions_cost_only_themselves(run: Run, project: Path) -> None:
    run("index", project)
    (project / "src" / "secrets.py").write_text("def other():\n    return 1\n", "utf-8")
    (project / "README.md").unlink()
    report = json.loads(run("index", project, "--json").out)
    assert (report["files"], report["indexed"], report["removed"]) == (3, 1, 1)


def test_json_says_nothing_else(run: Run, project: Path) -> None:
    ran = run("index", project, "--json")
    assert ran.err == ""
    assert json.loads(ran.out)["files"] == 4


def test_nothing_is_written_into_the_folder(run: Run, project: Path) -> None:
    before = sorted(project.rglob("*"))
    run("index", project)
    assert sorted(project.rglob("*")) == before


# More jobs than can be under way at once, so that some are left when the first report comes.
FILES = 2_560


@pytest.mark.skipif(not hasattr(signal, "raise_signal") or os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_being_stopped_leaves_a_usable_index(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for i in range(FILES):
        (many / f"module_{i}.py").write_text(f"def function_{i}():\n    return {i}\n", "utf-8")

    def stop(*_: object) -> None:
        if signal.getsignal(number) is not signal.default_int_handler:
            signal.raise_signal(number)

    monkeypatch.setattr(ProgressView, "show", stop)
    ran = run("index", many, "--set", "index.workers=1")
    assert ran.code == Exit.INTERRUPTED
    assert "can be searched" in ran.err
    monkeypatch.undo()
    monkeypatch.setenv("CONEXUS_DATA_DIR", str(tmp_path / "home" / "data"))
    monkeypatch.setenv("CONEXUS_STATE_DIR", str(tmp_path / "home" / "state"))
    state = json.loads(run("status", many, "--json").out)
    assert 0 < state["files"] < FILES
    assert run("search", "function", "--root", many, "--no-index").code == Exit.OK
    report = json.loads(run("index", many, "--json").out)
    assert report["files"] == FILES
    assert report["indexed"] == FILES - state["files"]


def test_stopping_a_search_while_it_indexes(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProgressView, "show", lambda *_: signal.raise_signal(signal.SIGINT))
    ran = run("search", "secrets", "--root", project)
    assert (ran.code, ran.out) == (Exit.INTERRUPTED, "")


def test_lines_in_a_pipe_say_how_far_it_is(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_QUICK_SECONDS", 0)
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0)
    now = time.monotonic()
    clock = iter([now, now + 2, now + 4])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with ProgressView() as view:
        view.show(Progress("reading", 100, 1_000, 700, 5_000))
        view.show(Progress("reading", 1_000, 1_000, 7_000, 50_000))
    assert capfd.readouterr().err.splitlines() == [
        "reading: 100 of 1,000 files, 700 chunks, 50 files/s, 0:18 left",
        "reading: 1,000 of 1,000 files, 7,000 chunks, 250 files/s",
    ]


def test_a_quick_run_shows_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with ProgressView() as view:
        view.show(Progress("reading", 1, 2, 3, 4))
    assert capfd.readouterr().err == ""


def test_status_before_and_after(run: Run, project: Path) -> None:
    before = run("status", project)
    assert before.code == Exit.NOTHING
    assert "conexus index" in before.out
    assert json.loads(run("status", project, "--json").out) == {"indexed": False}
    run("index", project)
    after = run("status", project)
    assert after.code == Exit.OK
    assert str(project) in after.out
    assert "python" in after.out
    state = json.loads(run("status", project, "--json").out)
    assert (state["indexed"], state["files"], state["languages"]["python"]) == (True, 4, 2)


def test_status_counts_every_bad_file(run: Run, project: Path) -> None:
    (project / "huge.log").write_text("a line\n" * 200_000, "utf-8")
    (project / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    (project / "utf16.txt").write_bytes(b"\xff\xfeo\xd8")
    (project / "nowhere.py").symlink_to(project / "missing.py")
    (project / "round").symlink_to(project / "round")
    (project / ".env").write_text("SECRET=1", "utf-8")
    os.mkfifo(project / "pipe")
    report = json.loads(run("index", project, "--json").out)
    assert {
        "too_large",
        "binary",
        "undecodable",
        "broken_symlink",
        "symlink_loop",
        "secret",
        "not_regular",
    } <= set(report["skipped"])
    assert json.loads(run("status", project, "--json").out)["skipped"] == report["skipped"]
    assert "1 too_large" in run("status", project).out


def test_a_data_directory_that_cannot_be_made_is_named(run: Run, project: Path, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "data").write_text("not a directory", "utf-8")
    ran = run("index", project)
    assert ran.code == Exit.FAILED
    assert str(home / "data") in ran.err
    assert "Traceback" not in ran.err
