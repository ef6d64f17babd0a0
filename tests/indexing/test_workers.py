"""Workers are killed, crash and fail; the other files never notice."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from attrs import evolve

from conexus.engine.engine import Engine
from conexus.indexing import jobs
from conexus.indexing.jobs import Item, Job, Made, Setup
from conexus.indexing.whereabouts import Whereabouts
from conexus.indexing.workers import WorkerPool, WorkersFailedError
from conexus.search.query import SearchRequest
from conexus.settings import IndexSettings, ScopeSettings, Settings
from conexus.store.schema import decode
from conexus.workspace.files import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

POISON = """
    import os, time
    import conexus.parsing.chunker as chunker

    whole = chunker.parse

    def parse(source, language):
        if language != "text" or b"POISON-LINES" in source:
            if b"POISON-HANG" in source or b"POISON-LINES" in source:
                time.sleep(600)
            if b"POISON-CRASH" in source:
                os.abort()
            if b"POISON-RAISE" in source:
                raise ValueError("a rule stumbled")
            if b"POISON-PRINT" in source:
                os.write(1, b"noise on stdout")
                print("more noise", flush=True)
        return whole(source, language)

    chunker.parse = parse
"""


@pytest.fixture
def poisoned(in_every_process: Callable[[str], None]) -> None:
    """Let the grammars of worker processes misbehave on marked files."""
    in_every_process(POISON)


def run(
    root: Path, names: list[str], timeout: float = 1.0, count: int = 1, model: str = "static"
) -> list[Made]:
    setup = Setup(os.fspath(root), ScopeSettings(), model, 256)
    items = []
    for number, name in enumerate(names):
        stat = (root / name).stat()
        items.append(Item(Entry(name, stat.st_size, stat.st_mtime_ns), number))
    pool = WorkerPool(setup, count, timeout)
    return list(pool.run([Job(tuple(items))]))


def files(made: list[Made]) -> dict[str, str]:
    return {rows.item.entry.path: rows.note for part in made for rows in part.files}


@pytest.mark.parametrize(
    ("marker", "note"),
    [
        ("POISON-HANG", "parser timed out"),
        ("POISON-CRASH", "parser died"),
        ("POISON-RAISE", "a rule stumbled"),
        ("POISON-PRINT", ""),
    ],
)
@pytest.mark.usefixtures("poisoned")
def test_a_poisonous_file_is_cut_by_lines(folder_of: Callable[..., Path], marker: str, note: str) -> None:
    root = folder_of(f"//- /a.py\nx = 1\n//- /bad.py\n# {marker}\ny = 2\n//- /c.py\nz = 3\n")
    found = files(run(root, ["a.py", "bad.py", "c.py"]))
    assert sorted(found) == ["a.py", "bad.py", "c.py"]
    assert note in found["bad.py"]
    assert found["a.py"] == found["c.py"] == ""


@pytest.mark.usefixtures("poisoned")
def test_a_file_that_hangs_even_by_lines_is_given_up(folder_of: Callable[..., Path]) -> None:
    root = folder_of("//- /a.py\nx = 1\n//- /bad.py\n# POISON-LINES\n")
    made = run(root, ["a.py", "bad.py"])
    assert sorted(files(made)) == ["a.py"]
    assert [(item.entry.path, str(skip.reason)) for part in made for item, skip in part.skipped] == [
        ("bad.py", "hung")
    ]


@pytest.mark.usefixtures("poisoned")
def test_status_names_the_quarantined_file(folder_of: Callable[..., Path], tmp_path: Path) -> None:
    root = folder_of("//- /a.py\ndef fine(): pass\n//- /bad.py\n# POISON-HANG\ndef odd(): pass\n")
    settings = evolve(Settings(), index=IndexSettings(file_timeout=1.0))
    with Engine(settings, tmp_path / "data") as engine:
        folder = engine.open(root)
        report = folder.reconcile()
        assert report.notes == ("bad.py: parser timed out",)
        assert folder.status().fallbacks == ("bad.py: parser timed out",)
        assert {hit.path for hit in folder.search(SearchRequest("odd")).hits} >= {"bad.py"}


@pytest.mark.usefixtures("poisoned")
def test_the_file_that_kills_a_worker_is_found_in_any_job(folder_of: Callable[..., Path]) -> None:
    names = [f"m{number}.py" for number in range(12)]
    texts = {name: f"x = {number}" for number, name in enumerate(names)}
    texts["m4.py"], texts["m10.py"] = "# POISON-CRASH", "# POISON-HANG"
    root = folder_of("".join(f"//- /{name}\n{text}\n" for name, text in texts.items()))
    items = [Item(Entry(name, 20, 0), number) for number, name in enumerate(names)]
    pool = WorkerPool(Setup(os.fspath(root), ScopeSettings(), "static", 256), 1, 1.0)
    notes = files(list(pool.run(Job(tuple(items[at : at + 4])) for at in range(0, 12, 4))))
    assert sorted(notes) == sorted(names)
    assert {name for name, note in notes.items() if note} == {"m4.py", "m10.py"}


@pytest.mark.usefixtures("poisoned")
def test_workers_leave_no_temporary_file(
    folder_of: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    root = folder_of("//- /a.py\nx = 1\n//- /bad.py\n# POISON-CRASH\n")
    assert sorted(files(run(root, ["a.py", "bad.py"]))) == ["a.py", "bad.py"]
    assert list(temporary.iterdir()) == []
    temporary.rmdir()
    with pytest.raises(WorkersFailedError, match="TMPDIR"):
        run(root, ["a.py"])


def test_workers_that_cannot_start_say_so(
    folder_of: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "numpy.py").write_text("raise ImportError('broken install')")
    monkeypatch.setenv("PYTHONPATH", str(site))
    root = folder_of("//- /a.py\nx = 1\n")
    with pytest.raises(WorkersFailedError, match="conexus doctor"):
        run(root, ["a.py"])


def test_a_generator_closed_early_leaves_no_process(folder_of: Callable[..., Path]) -> None:
    root = folder_of("".join(f"//- /m{i}.py\nx = {i}\n" for i in range(40)))
    setup = Setup(os.fspath(root), ScopeSettings(), "static", 256)
    pool = WorkerPool(setup, 2, 5.0)
    stream: Iterator[Made] = pool.run(Job((Item(Entry(f"m{i}.py", 6, 0), i),)) for i in range(40))
    assert isinstance(next(stream), Made)
    stream.close()
    assert all(worker.ended for worker in pool.workers)


def test_a_worker_whose_parent_was_killed_ends_without_a_word(folder_of: Callable[..., Path]) -> None:
    root = folder_of("//- /a.py\nx = 1\n")
    whereabouts = Whereabouts.create()
    command = [sys.executable, "-m", "conexus.indexing.worker", whereabouts.path]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as worker:
        assert worker.stdin
        assert worker.stdout
        assert worker.stderr
        worker.stdout.close()
        for message in (
            Setup(os.fspath(root), ScopeSettings(), "static", 256),
            Job((Item(Entry("a.py", 6, 0), 0),)),
        ):
            pickle.dump(message, worker.stdin)
        worker.stdin.flush()
        assert worker.stderr.read() == b""


def test_rows_say_the_same_whoever_makes_their_vectors(folder_of: Callable[..., Path]) -> None:
    root = folder_of(
        "//- /http_client.py\ndef send(request):\n    return request.sent()\n//- /notes.md\n# Größe\n"
    )
    (ours,) = run(root, ["http_client.py", "notes.md"])
    (theirs,) = run(root, ["http_client.py", "notes.md"], model="")
    assert theirs.unfinished is not None
    chunks, symbols = theirs.unfinished.builder.encode(np.zeros((2, 256), np.float32))
    columns = ["file_id", "symbol", "tokens", "digest"]
    assert decode(chunks).select(columns).equals(decode(ours.chunk_rows).select(columns))
    assert symbols == ours.symbol_rows
    np.testing.assert_array_equal(theirs.frequencies, ours.frequencies)


def test_nothing_made_is_empty() -> None:
    assert not jobs.nothing_made().files
