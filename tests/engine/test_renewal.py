"""When rows are written anew: an index takes over when it is complete, is found before it is arranged, stays small."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from conexus.engine.engine import Engine
from conexus.indexing import indexer
from conexus.search.query import SearchRequest
from conexus.settings import Settings
from conexus.store import index as store_index
from conexus.store import tables

if TYPE_CHECKING:
    from pathlib import Path

    from conexus.engine.folder import Folder

OTTER = "def otter():\n    '''Swims and dives in the river.'''\n    return 'otter'\n"
PELICAN = "def pelican():\n    '''Fishes from the air.'''\n    return 'pelican'\n"


class CutError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "folder"
    root.mkdir()
    for number in range(12):
        (root / f"m{number}.py").write_text(f"def walrus_{number}():\n    return {number}\n")
    (root / "otter.py").write_text(OTTER)
    return root


@pytest.fixture
def quickly_arranged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a dozen rows arranged as many thousands are."""
    monkeypatch.setattr(indexer, "_TAIL_CHUNKS", 5)
    monkeypatch.setattr(indexer, "OVERLAY_ROWS", 4)
    monkeypatch.setattr(store_index, "OVERLAY_ROWS", 4)
    monkeypatch.setattr(tables, "FLAT_ROWS", 8)


def paths(folder: Folder, question: str) -> list[str]:
    return [hit.path for hit in folder.search(SearchRequest(question)).hits]


def directories(data: Path) -> list[str]:
    return sorted(path.name for path in data.glob("indexes/*/*") if path.is_dir())


def test_the_old_index_answers_until_the_new_one_is_complete(engine: Engine, root: Path) -> None:
    folder = engine.open(root)
    folder.reconcile()
    (root / "new.py").write_text(PELICAN)
    folder.renew()
    meanwhile = []
    folder.reconcile(
        lambda _: meanwhile.append((paths(folder, "otter")[0], "new.py" in paths(folder, "pelican")))
    )
    assert meanwhile
    assert set(meanwhile) == {("otter.py", False)}
    assert paths(folder, "pelican")[0] == "new.py"
    assert paths(folder, "otter")[0] == "otter.py"


def test_an_index_can_be_built_anew_time_and_again(engine: Engine, data: Path, root: Path) -> None:
    folder = engine.open(root)
    folder.reconcile()
    first = directories(data)
    for _ in range(3):
        folder.renew()
        assert folder.reconcile().indexed == 13
        assert paths(folder, "otter")[0] == "otter.py"
    engine.close()
    assert len(directories(data)) == len(first) == 1
    with Engine(Settings(), data) as again:
        assert again.open(root).reconcile().unchanged == 13


def test_what_was_replaced_goes_with_the_last_question_it_answers(
    engine: Engine, data: Path, root: Path
) -> None:
    folder = engine.open(root)
    folder.reconcile()
    asked = folder.view()
    folder.renew()
    folder.reconcile()
    assert paths(folder, "otter")[0] == "otter.py"
    time.sleep(0.2)
    assert len(directories(data)) == 2, "it is still being asked"
    assert asked.snapshot.matching(["otter"], 3)
    del asked
    deadline = time.monotonic() + 10  # half of what it would stay without anybody letting go of it
    while len(directories(data)) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(directories(data)) == 1


def test_typed_text_is_found_while_a_new_index_is_built(engine: Engine, root: Path) -> None:
    folder = engine.open(root)
    folder.keep_worker()
    folder.reconcile()
    folder.renew()
    folder.texts.put("editor", "otter.py", 2, PELICAN)
    shown = []

    def type_once(_: object) -> None:
        if not shown:
            shown.append(not folder.show_texts(["otter.py"]))
            shown.append(paths(folder, "pelican")[0])

    folder.reconcile(type_once)
    assert shown == [True, "otter.py"]


def test_what_a_killed_engine_left_of_a_new_index_goes(engine: Engine, data: Path, root: Path) -> None:
    folder = engine.open(root)
    folder.reconcile()
    (kept,) = directories(data)
    folder.renew()

    def cut(_: object) -> None:
        raise CutError

    with pytest.raises(CutError):
        folder.reconcile(cut)
    assert len(directories(data)) == 2
    engine.close()
    with Engine(Settings(), data) as again:
        assert paths(again.open(root), "otter")[0] == "otter.py"
        assert again.open(root).reconcile().unchanged == 13
    assert directories(data) == [kept]


def test_words_have_a_structure_before_they_are_too_many_for_memory(
    engine: Engine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12, 40):
        (root / f"m{number}.py").write_text(f"def walrus_{number}():\n    return {number}\n")
    monkeypatch.setattr(indexer, "_JOB_FILES", 4)
    monkeypatch.setattr(indexer, "_COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(indexer, "OVERLAY_ROWS", 8)
    monkeypatch.setattr(store_index, "OVERLAY_ROWS", 8)
    waiting, build = [], store_index.Index.index_words

    def noted(index: store_index.Index) -> None:
        waiting.append(index.pending_chunks)
        build(index)

    monkeypatch.setattr(store_index.Index, "index_words", noted)
    folder = engine.open(root)
    monkeypatch.setattr(folder.searcher, "is_asked", lambda: True)
    folder.reconcile()
    assert waiting[0] <= 8
    assert paths(folder, "walrus_39")[0] == "m39.py"


@pytest.mark.usefixtures("quickly_arranged")
def test_everything_is_found_before_rows_are_arranged(engine: Engine, root: Path) -> None:
    folder = engine.open(root)
    seen: list[list[str]] = []
    folder.reconcile(
        searchable=lambda: seen.append([paths(folder, "otter")[0], paths(folder, "walrus_11")[0]])
    )
    assert seen == [["otter.py", "m11.py"]]
    assert paths(folder, "otter")[0] == "otter.py"
    assert folder.status().stats.pending_chunks == 0


@pytest.mark.usefixtures("quickly_arranged")
def test_rows_that_a_killed_engine_did_not_arrange_are_arranged_later(
    engine: Engine, data: Path, root: Path
) -> None:
    def cut() -> None:
        raise CutError

    with pytest.raises(CutError):
        engine.open(root).reconcile(searchable=cut)
    engine.close()
    with Engine(Settings(), data) as again:
        folder = again.open(root)
        assert folder.reconcile().indexed == 0
        assert folder.view().opened.index.unarranged_chunks == 0
        assert folder.view().snapshot.view.arrangement[1] > 0
        assert paths(folder, "otter")[0] == "otter.py"


def test_saving_for_long_leaves_few_versions(
    engine: Engine, data: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "_TAIL_COMMITS", (3, 3))
    folder = engine.open(root)
    folder.keep_worker()
    folder.reconcile()
    versions = []
    for number in range(12):
        (root / "otter.py").write_text(OTTER.replace("otter", f"otter{number}"))
        assert folder.touch(["otter.py"])
        versions.append(len(list(data.rglob("_versions/*"))))
        assert paths(folder, f"otter{number}")[0] == "otter.py"
    # Two tables, a version for each waiting commit, and those that arranging has just made.
    assert max(versions) <= 24
    assert versions[-1] <= versions[3] + 2
    assert folder.reconcile().unchanged == 13


def test_nothing_is_left_running_by_a_load_that_fails(
    engine: Engine, root: Path, quickly_arranged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer._Pending, "due", property(lambda _: True))
    folder = engine.open(root)
    folder.keep_worker()
    started: list[tables.Arranger] = []

    class Noted(tables.Arranger):
        def __init__(self, *where: Any) -> None:
            super().__init__(*where)
            started.append(self)

    monkeypatch.setattr(tables, "Arranger", Noted)

    def progress(_: object) -> None:
        if started:
            raise CutError

    with pytest.raises(CutError):
        folder.reconcile(progress)
    assert [arranger._process.poll() is None for arranger in started] == [False]
    folder.reconcile()
    assert paths(folder, "otter")[0] == "otter.py"
