"""Commit, search, replace, remove, reopen."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from tests.store.conftest import DIMENSIONS, Desk, everything, found, many, near, open_index, vector_of

from conexus.store import index as index_module
from conexus.store.errors import IndexBusy, IndexClosed, IndexMissing
from conexus.store.manifest import SkipRecord


def test_a_commit_is_searchable_at_once_by_word_and_by_vector(desk: Desk) -> None:
    desk.write({"a.py": ["open socket", "parse header"], "b.py": ["close file"]})
    assert found(desk.index, "header") == [("a.py", 1)]
    assert near(desk.index, "close file", 1) == [("b.py", 0)]
    row = desk.index.snapshot().nearest(vector_of("parse header"), 1)[0]
    assert (row.symbol, row.kind, row.span.start, row.span.end) == ("parse", "function", 11, 23)
    assert row.score == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("optimize", [False, True])
def test_a_new_version_hides_the_old_one_and_removal_hides_all(desk: Desk, optimize: bool) -> None:
    desk.write({"a.py": ["old text"], "b.py": ["other text"]})
    if optimize:
        desk.index.optimize()
    desk.write({"a.py": ["new words"]})
    assert found(desk.index, "old") == []
    assert found(desk.index, "text new") == [("a.py", 0), ("b.py", 0)]
    desk.write({"b.py": None})
    assert found(desk.index, "text new") == [("a.py", 0)]
    assert near(desk.index, "other text") == [("a.py", 0)]


def test_reopened_index_answers_the_same(desk: Desk) -> None:
    desk.write({"a.py": ["one two", "three"], "b.py": ["four"]})
    desk.index.optimize()
    desk.write({"b.py": ["five six"], "c.py": ["seven"]})
    before = everything(desk.index)
    desk.index.close()
    again = open_index(desk.index.directory)
    assert again.notes == []
    assert everything(again) == before
    assert found(again, "one five seven four") == [("a.py", 0), ("b.py", 0), ("c.py", 0)]
    again.close()


def test_a_snapshot_does_not_see_later_commits(desk: Desk) -> None:
    desk.write({"a.py": ["alpha"]})
    snapshot = desk.index.snapshot()
    desk.write({"a.py": ["beta"], "b.py": ["alpha"]})
    assert [row.path for row in snapshot.matching(["alpha"], 10)] == ["a.py"]
    assert snapshot.matching(["beta"], 10) == []
    assert found(desk.index, "alpha") == [("b.py", 0)]


def test_file_ids_are_never_reused_even_without_a_commit(desk: Desk) -> None:
    first = desk.index.allocate(3)
    desk.index.close()
    again = open_index(desk.index.directory)
    assert again.allocate(1).start >= first.stop
    again.close()


def test_odd_paths_are_kept(desk: Desk) -> None:
    paths = ['it\'s "quoted".py', "new\nline.py", "back\\slash.py", "byte\udcff.py", "ünï.py", "'; DROP--.py"]
    desk.write({path: ["needle"] for path in paths})
    desk.index.optimize()
    desk.index.close()
    again = open_index(desk.index.directory)
    assert {path for path, _ in found(again, "needle")} == set(paths)
    again.commit(removed=paths[:5])
    assert {path for path, _ in found(again, "needle")} == set(paths[5:])
    again.close()


def test_words_are_data_and_not_a_query_language(desk: Desk) -> None:
    desk.write({"a.py": ["and or not"], "b.py": ['" ( ) * : -x +']})
    desk.index.optimize()
    assert found(desk.index, "and") == [("a.py", 0)]
    assert found(desk.index, '" ( +') == [("b.py", 0)]
    assert found(desk.index, "") == []
    assert found(desk.index, "absent") == []


def test_a_chunk_without_words_neither_breaks_nor_leads_a_search(desk: Desk) -> None:
    desk.write({"empty.py": [" "], "a.py": ["open socket"]})
    assert near(desk.index, "open socket")[0] == ("a.py", 0)
    desk.index.optimize()
    assert near(desk.index, "open socket")[0] == ("a.py", 0)


def test_an_empty_index_answers_nothing(desk: Desk) -> None:
    assert near(desk.index, "word") == []
    assert found(desk.index, "word") == []
    assert len(desk.index.snapshot().symbols()) == 0
    assert desk.index.stats().chunks == 0
    desk.index.optimize()


def test_files_without_chunks_are_files(desk: Desk) -> None:
    desk.write({"empty.py": []})
    assert list(desk.index.files) == ["empty.py"]
    assert desk.index.snapshot().rows_of([desk.index.files["empty.py"].file_id]) == []


def test_touched_files_keep_their_rows(desk: Desk) -> None:
    desk.write({"a.py": ["alpha"]})
    record = desk.index.files["a.py"]
    desk.index.optimize()
    desk.index.commit(touched=[record._replace(mtime_ns=99)])
    assert desk.index.files["a.py"].mtime_ns == 99
    assert desk.index.pending_chunks == 0
    assert found(desk.index, "alpha") == [("a.py", 0)]


def test_what_a_walk_left_out_is_remembered_without_a_revision(desk: Desk) -> None:
    desk.write({"a.py": ["alpha"]})
    reader = open_index(desk.index.directory, writable=False)
    before = desk.index.revision
    desk.index.note_left_out({"too_large": 2, "ignored": 1})
    assert desk.index.revision == before
    reader.refresh()
    assert reader.left_out == desk.index.left_out == {"too_large": 2, "ignored": 1}
    reader.close()
    desk.index.close()
    again = open_index(desk.index.directory)
    assert again.left_out == {"too_large": 2, "ignored": 1}
    again.close()


def test_a_skipped_file_leaves_the_index_and_returns(desk: Desk) -> None:
    desk.write({"a.bin": ["alpha"]})
    desk.index.commit(skips=[SkipRecord("a.bin", 10, 5, "binary", "NUL byte")])
    assert not desk.index.files
    assert desk.index.skips["a.bin"].detail == "NUL byte"
    assert found(desk.index, "alpha") == []
    desk.write({"a.bin": ["alpha"]})
    assert not desk.index.skips
    desk.index.commit(skips=[SkipRecord("b.bin", 1, 1, "binary")])
    desk.index.close()
    again = open_index(desk.index.directory)
    assert (list(again.files), list(again.skips)) == (["a.bin"], ["b.bin"])
    again.close()


def test_records_must_match_rows(desk: Desk) -> None:
    rows = desk.rows(desk.index.allocate(1), {"a.py": ["one", "two"]})
    rows["files"] = [rows["files"][0]._replace(chunks=3)]
    with pytest.raises(ValueError, match=r"a\.py: 3 chunks, 2 rows"):
        desk.index.commit(**rows)
    with pytest.raises(ValueError, match="no rows"):
        desk.index.commit(files=rows["files"])
    assert found(desk.index, "one two") == []


def test_rows_without_a_record_stay_invisible_and_go(desk: Desk) -> None:
    rows = desk.rows(desk.index.allocate(2), {"a.py": ["one"], "stale.py": ["one"]})
    desk.index.commit(**{**rows, "files": rows["files"][:1]})
    assert found(desk.index, "one") == [("a.py", 0)]
    assert desk.index.stats().dead_rows == 1
    desk.index.optimize()
    assert desk.index.stats().dead_rows == 0


def test_known_vectors_are_of_visible_rows(desk: Desk) -> None:
    desk.write({"a.py": ["alpha one"], **many(80)})
    desk.index.optimize()
    desk.write({"a.py": ["beta two"]})
    known = desk.index.known_vectors([*desk.index.files, "absent.py"])
    assert len(known) == 80 * 4 + 1
    (vector,) = desk.index.known_vectors(["a.py"]).values()
    np.testing.assert_allclose(vector, vector_of("beta two"), atol=1e-3)
    assert vector.shape == (DIMENSIONS,)


def test_a_second_writer_is_refused_and_told_who(desk: Desk) -> None:
    script = (
        "import sys; from pathlib import Path; from conexus.store.index import Index\n"
        "from conexus.store.errors import IndexBusy\n"
        "try: Index.open(Path(sys.argv[1]), sys.argv[2], 32, writable=True)\n"
        "except IndexBusy as error: print(error.pid, error)\n"
    )
    desk.write({"a.py": ["alpha"]})
    command = [sys.executable, "-c", script, str(desk.index.directory), desk.index._fingerprint]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    import os

    assert printed.startswith(f"{os.getpid()} ")
    assert "is writing this index" in printed


def test_a_reader_sees_the_commits_of_a_writer(desk: Desk) -> None:
    directory = desk.index.directory
    with pytest.raises(IndexMissing):
        open_index(directory.parent / "nowhere", writable=False)
    desk.write({"a.py": ["alpha"]})
    reader = open_index(directory, writable=False)
    assert found(reader, "alpha") == [("a.py", 0)]
    desk.write({"a.py": ["beta"], "b.py": ["alpha"]})
    assert found(reader, "alpha beta") == [("a.py", 0), ("b.py", 0)]
    for number in range(3):
        desk.index.optimize()
        desk.write({f"c{number}.py": ["gamma"]})
        assert len(found(reader, "gamma")) == number + 1
        assert found(reader, "beta") == [("a.py", 0)]
    reader.close()


def test_a_reader_may_not_write_but_may_see_an_unpublished_index(desk: Desk) -> None:
    reader = open_index(desk.index.directory, writable=False)
    assert near(reader, "alpha") == []
    reader.close()


def test_a_closed_index_says_so(desk: Desk) -> None:
    desk.write({"a.py": ["alpha"]})
    snapshot = desk.index.snapshot()
    desk.index.close()
    desk.index.close()
    for use in (desk.index.snapshot, desk.index.commit, desk.index.optimize, lambda: desk.index.allocate(1)):
        with pytest.raises(IndexClosed):
            use()
    with pytest.raises(IndexClosed):
        snapshot.matching(["alpha"], 3)


def test_unchanged_folders_load_no_heavy_library(desk: Desk) -> None:
    desk.write({"a.py": ["alpha"]})
    desk.index.close()
    script = (
        "import sys; from pathlib import Path; from conexus.store.index import Index\n"
        "index = Index.open(Path(sys.argv[1]), sys.argv[2], 32, writable=True)\n"
        "assert list(index.files) == ['a.py']; index.close()\n"
        "print([name for name in ('lancedb', 'pyarrow', 'numpy') if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", script, str(desk.index.directory), desk.index._fingerprint]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_pending_rows_beyond_the_overlay_are_found_by_vector_and_after_a_moment_by_word(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "OVERLAY_ROWS", 10)
    desk.write(many(5))
    assert len(found(desk.index, "shared")) == 20
    assert near(desk.index, "f3 chunk2 group3 shared common0", 1) == [("f/3.py", 2)]
    desk.index.index_words()
    desk.write(many(6, "g"))
    assert len(found(desk.index, "shared")) == 20
    assert desk.index.snapshot().waiting_chunks == 24
    desk.index.index_words()
    assert desk.index.snapshot().waiting_chunks == 0
    assert len(found(desk.index, "shared")) == 44
    assert near(desk.index, "g3 chunk2 group3 shared common0", 1) == [("g/3.py", 2)]
    desk.write({"g/1.py": None, "f/1.py": ["shared once"]})
    assert len(found(desk.index, "shared")) == 44 - 4 - 4 + 1
    desk.index.optimize()
    desk.index.close()
    again = open_index(desk.index.directory)
    assert len(found(again, "shared")) == 37
    again.close()


def test_structures_exist_and_answer_above_the_flat_limit(desk: Desk) -> None:
    desk.write(many(1_300))
    desk.index.optimize()
    assert desk.index._opened().has_vector_structure
    desk.write({"f/7.py": ["brand new"], "f/8.py": None})
    wanted = "f9 chunk1 group9 shared common0"
    assert near(desk.index, wanted, 1) == [("f/9.py", 1)]
    assert near(desk.index, "brand new", 1) == [("f/7.py", 0)]
    assert len(found(desk.index, "f8 f7 f9")) == 4
    stats = desk.index.stats()
    assert (stats.files, stats.chunks, stats.pending_chunks, stats.dead_rows) == (1_299, 5_193, 1, 8)
    assert min(stats.bytes_data, stats.bytes_words, stats.bytes_vectors, stats.bytes_ids) > 0
    assert stats.bytes_total > stats.bytes_data + stats.bytes_manifest
    told: list[str] = []
    desk.index.optimize(told.append)
    assert len(told) == 3
    stats = desk.index.stats()
    assert (stats.chunks, stats.pending_chunks, stats.dead_rows) == (5_193, 0, 0)


def test_queries_survive_optimize_in_another_thread(desk: Desk) -> None:
    import threading

    desk.write(many(100))
    desk.index.optimize()
    stop, wrong = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            if len(found(desk.index, "shared", 1000)) < 400:
                wrong.append("rows are missing")

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(12):
        desk.write(many(5, f"g{number}"))
        desk.index.optimize()
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_busy_error_without_an_owner_file(desk: Desk) -> None:
    (desk.index.directory / "owner").write_text("?")
    with pytest.raises(IndexBusy, match="another process"):
        open_index(desk.index.directory)
