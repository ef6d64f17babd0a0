"""Each hit is cut from the text as it is now, once, in time; agents may fail alone."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from conexus.search import gates, names
from conexus.search.gates import verify
from conexus.search.query import SearchRequest
from conexus.search.rank import Ranked
from conexus.settings import SearchSettings
from conexus.store.snapshot import Snapshot
from conexus.store.tables import Asked
from conexus.workspace import source

if TYPE_CHECKING:
    from collections.abc import Callable

    from conexus.engine.folder import Folder
    from conexus.workspace.source import Source

FILES = """
//- /net/upload.py
class Uploads:
    '''Retry failed uploads.'''
    def again_0(self, queue, attempts=3):
        '''Try again what could not be sent in way 0.'''
        return [item.again(attempts) for item in queue if item.failed(0)]

    def again_1(self, queue, attempts=3):
        '''Try again what could not be sent in way 1.'''
        return [item.again(attempts) for item in queue if item.failed(1)]

    def again_2(self, queue, attempts=3):
        '''Try again what could not be sent in way 2.'''
        return [item.again(attempts) for item in queue if item.failed(2)]

    def again_3(self, queue, attempts=3):
        '''Try again what could not be sent in way 3.'''
        return [item.again(attempts) for item in queue if item.failed(3)]

    def again_4(self, queue, attempts=3):
        '''Try again what could not be sent in way 4.'''
        return [item.again(attempts) for item in queue if item.failed(4)]

    def again_5(self, queue, attempts=3):
        '''Try again what could not be sent in way 5.'''
        return [item.again(attempts) for item in queue if item.failed(5)]

    def again_6(self, queue, attempts=3):
        '''Try again what could not be sent in way 6.'''
        return [item.again(attempts) for item in queue if item.failed(6)]

    def again_7(self, queue, attempts=3):
        '''Try again what could not be sent in way 7.'''
        return [item.again(attempts) for item in queue if item.failed(7)]

    def again_8(self, queue, attempts=3):
        '''Try again what could not be sent in way 8.'''
        return [item.again(attempts) for item in queue if item.failed(8)]

    def again_9(self, queue, attempts=3):
        '''Try again what could not be sent in way 9.'''
        return [item.again(attempts) for item in queue if item.failed(9)]

    def again_10(self, queue, attempts=3):
        '''Try again what could not be sent in way 10.'''
        return [item.again(attempts) for item in queue if item.failed(10)]

    def again_11(self, queue, attempts=3):
        '''Try again what could not be sent in way 11.'''
        return [item.again(attempts) for item in queue if item.failed(11)]
//- /net/limits.py
class RateLimiter:
    '''Wait so that no more than n uploads a second leave.'''
"""


def ranked_of(folder: Folder) -> list[Ranked]:
    snapshot = folder.view().snapshot
    return [Ranked(row, 0.5, ()) for row in snapshot.rows_of(snapshot.paths())]


def test_no_lines_are_shown_twice(kept: Callable[[str], Folder]) -> None:
    folder = kept(FILES)
    view = folder.view()
    outcome = verify(ranked_of(folder) * 2, view.records, view.read, 10)
    assert len(outcome.hits) == 3
    assert outcome.duplicates == 3


def test_files_that_are_what_was_indexed_are_not_read_and_judged_again(kept: Callable[[str], Folder]) -> None:
    folder = kept(FILES)
    view = folder.view()
    read: list[str] = []

    def noted(path: str) -> Source | None:
        read.append(path)
        return view.read(path)

    outcome = verify(ranked_of(folder), view.records, noted, 10, cut=view.cut)
    assert not read
    assert outcome == verify(ranked_of(folder), view.records, noted, 10)
    assert read


def test_what_a_file_says_counts_even_if_size_and_time_are_the_same(indexed: Callable[[str], Folder]) -> None:
    folder = indexed(FILES)
    path = folder.root / "net/limits.py"
    before, text = path.stat(), path.read_text()
    path.write_text(text.replace("a second leave", "a minute leave"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    view = folder.view()
    outcome = verify(ranked_of(folder), view.records, view.read, 10, cut=view.cut)
    assert [hit.path for hit in outcome.hits] == ["net/upload.py", "net/upload.py"]
    assert outcome.gone == ["net/limits.py"]


def test_rules_for_secrets_newer_than_the_index_hold(
    indexed: Callable[[str], Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = indexed(FILES)

    def newer(text: bytes) -> tuple[bytes, int]:
        return text.replace(b"RateLimiter", b"***********"), text.count(b"RateLimiter")

    monkeypatch.setattr(gates, "redact", newer)
    monkeypatch.setattr(source, "redact", newer)
    hits = folder.search(SearchRequest("wait so that no more than n uploads leave")).hits
    assert "net/limits.py" in {hit.path for hit in hits}
    assert not any("RateLimiter" in hit.excerpt for hit in hits)


def test_what_there_is_no_time_for_is_not_shown(kept: Callable[[str], Folder]) -> None:
    folder = kept(FILES)
    view = folder.view()
    outcome = verify(ranked_of(folder), view.records, view.read, 10, deadline=time.monotonic())
    assert (len(outcome.hits), outcome.unchecked) == (1, 2)


def test_outcomes_are_counted(indexed: Callable[[str], Folder]) -> None:
    folder = indexed(FILES)
    folder.search(SearchRequest("retry failed uploads"))
    upload = folder.root / "net/upload.py"
    before = "".join(f"def other_{number}():\n    return {number}\n\n\n" for number in range(200))
    upload.write_text(before + upload.read_text())
    (folder.root / "net/limits.py").unlink()
    reply = folder.search(SearchRequest("retry failed uploads"))
    counts = folder.searcher.tallies.counts()
    assert counts["span"] == {"dropped": 1, "moved": 2, "verified": 3}
    assert counts["budget"] == {"kept": 2}
    assert counts["confidence"] == {"fine": 2}
    assert counts["semantic agent"] == {"ok": 2}
    assert [note.split(":")[0] for note in reply.notes] == ["2 hits moved", "1 hit dropped"]


def test_an_agent_that_fails_does_so_alone(
    indexed: Callable[[str], Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = indexed(FILES)

    def broken(*_: object) -> list[object]:
        raise OSError("the disk is gone")

    monkeypatch.setattr(names, "definitions", broken)
    reply = folder.search(SearchRequest("retry failed uploads"))
    assert reply.hits[0].path == "net/upload.py"
    assert reply.states == {"lexical": "ok", "symbol": "failed", "semantic": "ok"}
    assert reply.notes == ("the symbol search failed: OSError: the disk is gone",)
    assert not reply.partial


@pytest.mark.parametrize("begun_here", [False, True])
def test_an_agent_that_hangs_is_not_waited_for(
    indexed: Callable[[str], Folder], monkeypatch: pytest.MonkeyPatch, begun_here: bool
) -> None:
    folder = indexed(FILES)
    folder.search(SearchRequest("warm up"))
    folder.settings = evolve(folder.settings, search=SearchSettings(budget_ms=500))
    over, unanswered = threading.Event(), Asked[list[object]](Future(), list)
    monkeypatch.setattr(Snapshot, "is_quick", begun_here)
    monkeypatch.setattr(
        Snapshot, "ask_nearest", lambda *_: unanswered if begun_here else over.wait(60) and unanswered
    )
    try:
        reply = folder.search(SearchRequest("retry failed uploads"))
        assert reply.hits[0].path == "net/upload.py"
        assert reply.states["semantic"] == "timed out"
        assert reply.partial
        assert "the semantic search failed: it was not back in time" in reply.notes
        assert unanswered.answered.cancelled() == begun_here
    finally:
        unanswered.answered.cancel()
        over.set()


@pytest.mark.parametrize("begun_here", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
def test_an_agent_whose_tables_fail_costs_only_itself(
    indexed: Callable[[str], Folder], monkeypatch: pytest.MonkeyPatch, begun_here: bool, at_once: bool
) -> None:
    folder = indexed(FILES)
    expected = folder.search(SearchRequest("retry failed uploads"))

    def broken() -> list[object]:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Snapshot, "is_quick", begun_here)
    assert folder.search(SearchRequest("retry failed uploads")).hits == expected.hits
    monkeypatch.setattr(Snapshot, "ask_matching", lambda *_: broken() if at_once else Asked.later(broken))
    reply = folder.search(SearchRequest("retry failed uploads"))
    assert reply.hits[0].path == "net/upload.py"
    assert reply.states == {"lexical": "failed", "symbol": "ok", "semantic": "ok"}
    assert reply.notes == ("the lexical search failed: OSError: the disk is gone",)


def test_a_phrase_that_cannot_be_searched_for_in_time_says_so(kept: Callable[[str], Folder]) -> None:
    folder = kept(FILES)
    folder.search(SearchRequest("warm up"))
    slow = evolve(folder.settings, search=SearchSettings(budget_ms=10))
    usual, folder.settings = folder.settings, slow
    peek = folder._peek

    def slowly(path: str) -> bytes | None:
        time.sleep(0.02)
        return peek(path)

    folder._peek = slowly  # type: ignore[method-assign]
    try:
        reply = folder.search(SearchRequest('"upload"'))
    finally:
        folder.settings, folder._peek = usual, peek  # type: ignore[method-assign]
    assert reply.partial
    assert reply.states["exact"] in {"partial", "timed out"}
    assert all("upload" in hit.excerpt for hit in reply.hits)
