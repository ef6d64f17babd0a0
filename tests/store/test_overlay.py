"""The overlay answers as the base does."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store.conftest import Desk, everything, found, near, open_index, vector_of

from conexus.embedding.words import words as words_of
from conexus.store import index, overlay

_NAMES = st.sampled_from(["a.py", "b.py", "c.py", "d'.py"])
_WORDS = st.sampled_from(["open", "close", "socket", "header", "parse", "tree"])
_TEXTS = st.lists(st.lists(_WORDS, min_size=1, max_size=4).map(" ".join), max_size=3)
_STEP = st.one_of(
    st.dictionaries(_NAMES, st.one_of(st.none(), _TEXTS), min_size=1, max_size=3),
    st.just("optimize"),
    st.just("reopen"),
)


def answers(index) -> tuple:
    """Return what every kind of query says, in an order that ties do not disturb."""
    symbols = index.snapshot().symbols()
    entries = [entry for number in index.snapshot().paths() for entry in symbols.of_file(number)]
    assert len(entries) == len(symbols)
    return (
        everything(index),
        {word: found(index, word) for word in ("open", "tree", "parse header")},
        sorted(near(index, "socket tree")),
        sorted((entry.path, entry.name, entry.line, entry.span.start) for entry in entries),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_STEP, min_size=1, max_size=7))
def test_any_history_answers_like_a_fresh_index(steps: list) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk, content = Desk(open_index(Path(folder) / "lived")), {}
        for step in steps:
            if step == "optimize":
                desk.index.optimize()
            elif step == "reopen":
                desk.index.close()
                desk = Desk(open_index(Path(folder) / "lived"))
            else:
                desk.write(step)
                content.update(step)
        fresh = Desk(open_index(Path(folder) / "fresh"))
        fresh.write({path: texts for path, texts in content.items() if texts is not None})
        fresh.index.optimize()
        assert desk.index.notes == []
        assert answers(desk.index) == answers(fresh.index)
        desk.index.optimize()
        assert answers(desk.index) == answers(fresh.index)
        desk.index.close()
        fresh.index.close()


def code_chunks(count: int) -> list[str]:
    """Return the words of pieces of the standard library: real lengths, real frequencies."""
    texts: list[str] = []
    library = Path(tempfile.__file__).parent
    for path in sorted([*library.glob("*.py"), *library.glob("[a-r]*/*.py")]):
        lines = path.read_text("utf-8", "replace").splitlines()
        texts += [" ".join(words_of("\n".join(lines[at : at + 30]))) for at in range(0, len(lines), 30)]
    chosen = random.Random(5)
    chosen.shuffle(texts)
    return [text for text in texts if text][:count]


def test_a_document_scores_alike_in_overlay_and_base(tmp_path: Path) -> None:
    texts = code_chunks(2_000)
    vocabulary: dict[str, int] = {}
    for text in texts:
        for word in text.split():
            vocabulary.setdefault(word, len(vocabulary))
    desk = Desk(open_index(tmp_path / "index", vocabulary=vocabulary), vocabulary)
    late = {f"late{at}.py": texts[at * 5 : at * 5 + 5] for at in range(20)}
    desk.write({f"base{at}.py": texts[at : at + 5] for at in range(100, 2_000, 5)})
    desk.index.optimize()
    desk.write(late)
    queries = [
        random.Random(at).sample(texts[at].split(), 4) for at in range(0, 100, 2) if len(texts[at]) > 99
    ]
    assert desk.index.pending_chunks == 100
    in_overlay = [scores_of_late(desk, query) for query in queries]
    desk.index.optimize()
    in_base = [scores_of_late(desk, query) for query in queries]
    ratios = np.array(
        [
            before[key] / after[key]
            for before, after in zip(in_overlay, in_base, strict=True)
            for key in before
        ]
    )
    print(f"overlay/base BM25: {len(ratios)} scores, {ratios.min():.3f} to {ratios.max():.3f}")  # noqa: T201 - the figure is worth seeing with -s
    assert len(ratios) > 300
    assert [set(scores) for scores in in_overlay] == [set(scores) for scores in in_base]
    assert np.abs(ratios - 1).max() < 0.15
    desk.index.close()


def scores_of_late(desk: Desk, query: list[str]) -> dict[tuple[str, int], float]:
    rows = desk.index.snapshot().matching(query, 3_000)
    return {(row.path, row.ord): row.score for row in rows if row.path.startswith("late")}


def test_words_outside_the_vocabulary_are_found(tmp_path: Path) -> None:
    desk = Desk(open_index(tmp_path / "index", vocabulary={"known": 0}), {"known": 0})
    desk.write({"a.py": ["known zyx"], "b.py": ["known only"]})
    rows = desk.index.snapshot().matching(["zyx", "known"], 5)
    assert [row.path for row in rows] == ["a.py", "b.py"]
    desk.index.close()


def test_an_open_buffer_hides_its_file_until_it_closes(desk: Desk) -> None:
    desk.write({"a.py": ["saved text"], "b.py": ["other"]})
    desk.index.optimize()
    desk.open_buffer("a.py", ["typed words", "more"])
    desk.open_buffer("new.py", ["typed elsewhere"])
    assert found(desk.index, "saved typed") == [("a.py", 0), ("new.py", 0)]
    assert near(desk.index, "more", 1) == [("a.py", 1)]
    snapshot = desk.index.snapshot()
    assert set(snapshot.paths().values()) == {"a.py", "b.py", "new.py"}
    number = snapshot.file_id("a.py")
    assert number is not None
    assert [row.ord for row in snapshot.rows_of([number])] == [0, 1]
    assert len(snapshot.symbols().named("saved")) == 0
    assert len(snapshot.symbols().named("typed")) == 2
    desk.open_buffer("a.py", [])
    assert found(desk.index, "saved typed") == [("new.py", 0)]
    desk.index.drop_buffer("a.py")
    desk.index.drop_buffer("new.py")
    desk.index.drop_buffer("never.py")
    assert found(desk.index, "saved typed") == [("a.py", 0)]
    assert desk.index.snapshot().file_id("new.py") is None


def test_a_buffer_outlives_commits_and_optimize(desk: Desk) -> None:
    desk.write({"a.py": ["saved"]})
    desk.open_buffer("a.py", ["typed"])
    desk.write({"a.py": ["saved again"]})
    desk.index.optimize()
    assert found(desk.index, "saved typed") == [("a.py", 0)]
    assert found(desk.index, "typed") == [("a.py", 0)]
    desk.index.drop_buffer("a.py")
    assert found(desk.index, "again") == [("a.py", 0)]


def test_typing_for_long_does_not_grow_the_overlay(desk: Desk) -> None:
    desk.write({"b.py": ["still here"]})
    for number in range(200):
        desk.open_buffer("a.py", [f"typed{number} part{part}" for part in range(10)])
        assert found(desk.index, f"typed{number}") == [("a.py", part) for part in range(10)]
    assert len(desk.index._opened_overlay().view().file_ids) < 700
    assert len(desk.index._opened_overlay().symbols()) < 700
    assert found(desk.index, "still typed150") == [("b.py", 0)]


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_overlay_and_base_merge_by_score(desk: Desk, limit: int) -> None:
    desk.write({f"base{at}.py": [f"alpha beta w{at}"] for at in range(10)})
    desk.index.optimize()
    desk.write({f"late{at}.py": [f"alpha beta w{at} extra"] for at in range(10)})
    for rows in (
        desk.index.snapshot().matching(["alpha", "w3"], limit),
        desk.index.snapshot().nearest(vector_of("alpha w3"), limit),
    ):
        assert len(rows) == min(limit, 20)
        assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)
        assert {row.path for row in rows[:2]} <= {"base3.py", "late3.py"}


def test_saving_for_long_does_not_grow_the_overlay(desk: Desk) -> None:
    for number in range(80):
        desk.write({"a.py": [f"saved{number} part{part}" for part in range(20)]})
        assert len(found(desk.index, f"saved{number}")) == 20
    assert len(desk.index._opened_overlay().view().file_ids) < 700


def test_typing_ever_new_words_for_long_grows_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "_SLACK_WORDS", 200)
    monkeypatch.setattr(overlay, "_SLACK_ROWS", 20)
    monkeypatch.setattr(index, "_SPARE_PATHS", 50)
    desk.write({"a.py": ["calm sea"], "b.py": ["open tree"]})
    desk.open_buffer("a.py", ["harbour light"])
    early = desk.index.snapshot()
    sizes = []
    for number in range(400):
        desk.open_buffer("a.py", [f"word{number}x{part} common" for part in range(3)])
        view = desk.index.snapshot().view
        sizes.append((len(view.overlay.known), len(view.path_of)))
        assert found(desk.index, f"word{number}x2") == [("a.py", 2)]
    assert max(known for known, _ in sizes) < 400
    assert max(paths for _, paths in sizes) < 100
    assert found(desk.index, "word0x0") == []
    assert found(desk.index, "tree") == [("b.py", 0)]
    assert [row.path for row in early.matching(["harbour"], 9)] == ["a.py"]
