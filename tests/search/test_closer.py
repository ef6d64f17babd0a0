"""A closer look: what words and first lines say settles the order where paths and names do not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from conexus.domain import Span, digest_of
from conexus.embedding.static import StaticEmbedder
from conexus.search.closer import LOOKED_AT, look_closer, texts_as_indexed
from conexus.search.query import SearchRequest, plan
from conexus.search.rank import Ranked
from conexus.store.places import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from conexus.engine.folder import Folder

EMBEDDER = StaticEmbedder()
QUESTION = "remove the oldest entry from the cache"
UNRELATED = "def draw(canvas, colour):\n    canvas.fill(colour)"
ANSWER = "def evict(store):\n    '''Drop what was kept longest.'''\n    store.pop(min(store, key=age))"


def ranked(*texts: str, scores: tuple[float, ...] = (), told: tuple[float, ...] = ()) -> list[Ranked]:
    """Return hits `0.py`, `1.py` …, each of one chunk; a text is kept as the symbol of its row's digest."""
    return [
        Ranked(
            Row(number, f"{number}.py", 0, Span(0, len(text), 1, 1), "", "function", text.encode()),
            scores[number] if scores else 0.5 - number / 1000,
            ("semantic #1",),
            told[number] if told else 1.0,
        )
        for number, text in enumerate(texts)
    ]


def looked(hits: list[Ranked], question: str = QUESTION) -> list[Ranked]:
    return look_closer(
        plan(SearchRequest(question)), hits, EMBEDDER, lambda _: 1.0, lambda row: row.digest.decode() or None
    )


def paths(hits: list[Ranked]) -> list[str]:
    return [hit.row.path for hit in hits]


def test_what_says_what_is_asked_for_in_other_words_comes_first() -> None:
    hits = ranked(UNRELATED, UNRELATED, ANSWER)
    found = looked(hits)
    assert paths(found)[0] == "2.py"
    factor, before = found[0].reasons[-1].removeprefix("closer look x").split(", ")
    assert float(factor) > 1
    assert before == "#3 before"
    assert found[1].reasons[-1].startswith("closer look x0.")


def test_scores_stay_with_places() -> None:
    hits = ranked(UNRELATED, UNRELATED, ANSWER)
    assert [hit.score for hit in looked(hits)] == [hit.score for hit in hits]


def test_a_score_that_is_far_better_is_not_overruled() -> None:
    assert paths(looked(ranked(UNRELATED, ANSWER, scores=(0.9, 0.01)))) == ["0.py", "1.py"]


def test_of_two_that_say_the_same_the_shorter_one_is_the_answer() -> None:
    padding = "\n".join(f"    {word} = 1" for word in ("alpha", "river", "mountain", "bicycle", "orchestra"))
    assert paths(looked(ranked(f"{ANSWER}\n{padding}", ANSWER))) == ["1.py", "0.py"]


def test_the_first_lines_say_what_a_chunk_does() -> None:
    late = f"{UNRELATED}\n    canvas.draw()\n    canvas.show()\n    # evict the oldest entry of the cache"
    early = f"# evict the oldest entry of the cache\n{UNRELATED}\n    canvas.draw()\n    canvas.show()"
    assert paths(looked(ranked(late, early))) == ["1.py", "0.py"]


def test_where_paths_and_names_tell_them_apart_nothing_is_read() -> None:
    hits = ranked(UNRELATED, ANSWER, told=(1.0, 1.7))
    assert math.log(1.7) / 2 > 0.25
    read: list[Row] = []
    query = plan(SearchRequest(QUESTION))
    assert look_closer(query, hits, EMBEDDER, lambda _: 1.0, read.append) == hits
    assert not read


def test_the_less_they_are_told_apart_the_more_a_closer_look_counts() -> None:
    def factor(*told: float) -> float:
        found = looked(ranked(UNRELATED, ANSWER, told=told))
        return float(next(h for h in found if h.row.path == "1.py").reasons[-1].split("x")[1].split(",")[0])

    assert factor(1.0, 1.0) == factor(1.0, 1.3) > factor(1.0, 1.5) > 1.0


@pytest.mark.parametrize(
    "question", ["Cache.evict", "src/cache.py", "???", "x = []\nfor y in z:\n    x.append(y)\n"]
)
def test_only_prose_is_looked_at(question: str) -> None:
    hits = ranked(UNRELATED, ANSWER)
    assert looked(hits, question) == hits


def test_of_a_text_that_cannot_be_read_nothing_more_is_known() -> None:
    found = looked(ranked(UNRELATED, "", ANSWER))
    assert paths(found) == ["2.py", "1.py", "0.py"]
    assert found[1].reasons[-1] == "closer look x1.00, #2 before"
    assert looked(ranked("", ANSWER)) == ranked("", ANSWER)


def test_words_that_no_model_knows_are_said_by_nobody() -> None:
    found = looked(ranked(UNRELATED, ANSWER), "qzxjv wqkzx")
    assert sorted(paths(found)) == ["0.py", "1.py"]


def test_what_stands_further_down_stays_there() -> None:
    hits = ranked(*[UNRELATED] * LOOKED_AT, ANSWER)
    assert looked(hits)[-1] == hits[-1]
    assert looked([]) == []


NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
FILES = "".join(
    f"//- /{name}.py\ndef {name}(store):\n    '''Drop what was kept longest.'''\n    store.pop({name!r})\n"
    for name in NAMES
)


def test_a_text_is_cut_from_the_file_that_was_indexed_in_time(kept: Callable[[str], Folder]) -> None:
    view = kept(FILES).view()
    (row,) = view.snapshot.rows_of([view.records["beta.py"].file_id])
    text = texts_as_indexed(view.records, view.read)(row)
    assert text == "def beta(store):\n    '''Drop what was kept longest.'''\n    store.pop('beta')\n"
    assert texts_as_indexed(view.records, view.read, deadline=0.0)(row) is None
    assert texts_as_indexed(view.records, lambda _: None)(row) is None
    source = view.read("beta.py")
    assert source is not None
    changed = evolve(source, digest=digest_of(b"another"))
    assert texts_as_indexed(view.records, lambda _: changed)(row) is None
    assert texts_as_indexed({}, view.read)(row) is None
    assert texts_as_indexed({}, view.read, cut=view.cut)(row) == text


def test_a_search_looks_closer_and_says_so(kept: Callable[[str], Folder]) -> None:
    hits = kept(FILES).search(SearchRequest("take away the oldest one that was kept")).hits
    assert len(hits) == len(NAMES)
    assert all(hit.reasons[-1].startswith("closer look x") for hit in hits)
