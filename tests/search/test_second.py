"""The second opinion: added to the first, in time, alone in its faults.

The process and the pipes are real; the library in it is a stand-in, because real weights cannot be made slow or
of one mind on demand. tests/engine/test_transformers.py runs real weights.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from tests.search.scripted_model import write_model

from conexus.domain import Span
from conexus.embedding.words import Passage
from conexus.engine.engine import Engine
from conexus.search.gates import Hit
from conexus.search.query import SearchRequest
from conexus.search.second import SecondOpinion, reordered
from conexus.settings import SearchSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILES = """
//- /net/first.py
def retry_failed_uploads(queue, attempts=3):
    '''Try again to send the uploads that failed.'''
//- /net/other.py
def retry_failed_uploads(queue, attempts=3):
    '''Try again to send the uploads that failed, cold cold cold.'''
//- /net/third.py
def retry_uploads(queue, attempts=3):
    '''Try to send the uploads that failed.'''
"""


@pytest.fixture(params=["bi-encoder", "cross-encoder"])
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    directory, path = write_model(tmp_path, request.param)
    monkeypatch.syspath_prepend(path.partition(os.pathsep)[0])
    monkeypatch.setenv("PYTHONPATH", path)
    return directory


@pytest.fixture
def engine(model: Path, tmp_path: Path) -> Iterator[Engine]:
    chosen = Settings(search=SearchSettings(second_model=str(model), second_ms=20_000))
    with Engine(chosen, tmp_path / "data") as made:
        yield made


def paths(reply: object) -> list[str]:
    return [hit.path for hit in reply.hits]  # type: ignore[attr-defined]


def test_it_is_added_to_the_first_opinion(engine: Engine, folder_of: Callable[..., Path]) -> None:
    folder = engine.open(folder_of(FILES))
    folder.reconcile()
    first = folder.search(SearchRequest("send failed uploads again"))
    assert paths(first)[0] == "net/first.py"
    assert not first.refined
    folder.searcher.wait_for_second_opinion()
    second = folder.search(SearchRequest("send failed uploads again", refine=True))
    assert second.refined
    assert paths(second) == ["net/other.py", "net/first.py", "net/third.py"]
    assert "second opinion 3.00, #2 before" in second.hits[0].reasons
    assert [hit.score for hit in second.hits] == [hit.score for hit in first.hits]
    one = folder.search(SearchRequest("send failed uploads again", limit=1, refine=True))
    assert paths(one) == ["net/other.py"]
    # Who asks by name knows what is meant.
    assert not folder.search(SearchRequest("queue_in_summer", refine=True)).refined


def test_until_the_model_is_loaded_the_first_opinion_stands(
    engine: Engine, folder_of: Callable[..., Path]
) -> None:
    folder = engine.open(folder_of(FILES))
    folder.reconcile()
    reply = folder.search(SearchRequest("send failed uploads again", refine=True))
    assert reply.notes == ("there is no second opinion yet: its model is being loaded",)
    assert not reply.refined


def test_a_model_that_cannot_be_loaded_is_said(
    engine: Engine, model: Path, folder_of: Callable[..., Path]
) -> None:
    (model / "broken").touch()
    folder = engine.open(folder_of(FILES))
    folder.reconcile()
    folder.searcher.wait_for_second_opinion()
    reply = folder.search(SearchRequest("send failed uploads again", refine=True))
    assert paths(reply)[0] == "net/first.py"
    assert "these weights are torn" in reply.notes[0]


def texts(*contents: str) -> list[Passage]:
    return [Passage("", content) for content in contents]


@pytest.fixture
def second(engine: Engine, model: Path) -> SecondOpinion:
    made = engine._second(str(model))
    made.wait(60)
    return made


def test_what_there_is_no_time_for_is_judged_afterwards(second: SecondOpinion, model: Path) -> None:
    passages = texts("cold", "1", "2", "3", "slow cold cold")
    opinions = second.judge("a question", passages, 0.35)
    assert opinions[-1] is None
    deadline = time.monotonic() + 30
    while opinions != [1, 0, 0, 0, 2] and time.monotonic() < deadline:
        opinions = second.judge("a question", passages, 5)
    assert opinions == [1, 0, 0, 0, 2]
    # All were remembered: nothing is asked twice.
    asked = (model / "asked").stat().st_size
    assert second.judge("a question", passages, 5) == [1, 0, 0, 0, 2]
    assert (model / "asked").stat().st_size == asked


def test_another_question_does_not_wait_for_the_first(second: SecondOpinion, model: Path) -> None:
    second.judge("a question", texts(*(f"slow {number}" for number in range(40))), 0.1)
    assert second.judge("another question", texts("cold"), 10) == [1]
    assert (model / "asked").stat().st_size < 20


def test_judging_ends_as_soon_as_another_question_is_asked(second: SecondOpinion, model: Path) -> None:
    second.judge("a question", texts(*(f"slow {number}" for number in range(40))), 0.1)
    second.let_go()
    second._thread.submit(lambda: None).result(30)
    assert (model / "asked").stat().st_size < 20


def test_a_fault_costs_only_the_second_opinion(second: SecondOpinion) -> None:
    assert second.judge("a question", texts("odd"), 10) == [None]
    assert second.judge("a question", texts("cold"), 10) == [1]


def hits(*scores: float) -> list[Hit]:
    return [
        Hit(f"{number}.py", Span(0, 1, 1, 1), 1, "", "", "function", "python", score, ())
        for number, score in enumerate(scores)
    ]


def test_what_was_not_judged_keeps_its_place() -> None:
    found = reordered(hits(0.5, 0.4, 0.3, 0.2), [0.1, None, 0.9, 0.2])
    assert [hit.path for hit in found] == ["2.py", "1.py", "0.py", "3.py"]
    assert [hit.score for hit in found] == [0.5, 0.4, 0.3, 0.2]
    assert reordered(hits(0.5, 0.4), [None, 0.9]) == hits(0.5, 0.4)
    assert reordered([], []) == []


def test_equal_opinions_change_nothing() -> None:
    assert [hit.path for hit in reordered(hits(0.5, 0.4, 0.3), [0.7, 0.7, 0.7])] == ["0.py", "1.py", "2.py"]


def test_how_much_it_moves_is_for_all_hits_to_say() -> None:
    opinions = [0.1, 0.9, None, None, None]
    apart = [hit.path for hit in reordered(hits(0.5, 0.4, 0.05, 0.01, 0.001), opinions)]
    close = [hit.path for hit in reordered(hits(0.5, 0.4, 0.39, 0.38, 0.37), opinions)]
    assert (apart[0], close[0]) == ("0.py", "1.py")
