"""What is at hand settles what is nearly even, and no more."""

from __future__ import annotations

import math
import subprocess
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from conexus.domain import Span
from conexus.search.context import MOST, EditorContext, Surroundings
from conexus.search.query import SearchRequest, plan
from conexus.search.rank import rank
from conexus.search.retrieve import Agent, Found
from conexus.store.places import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from conexus.engine.folder import Folder

PATHS = ("a/one.py", "a/two.py", "b/three.py")


def order(around: Surroundings) -> list[str]:
    rows = [Row(number, path, 0, Span(0, 1, 1, 1), "", "function", b"") for number, path in enumerate(PATHS)]
    # Each is nearly as good as the one before it.
    found = [Found(Agent.SEMANTIC, tuple(rows), 0.0), Found(Agent.LEXICAL, tuple(reversed(rows)), 0.0)]
    return [ranked.row.path for ranked in rank(plan(SearchRequest("some question here")), found, around)]


def reasons(around: Surroundings, path: str) -> list[str]:
    return [reason for _, reason in around.lifts(path)]


def test_each_kind_of_nearness_lifts_and_says_so() -> None:
    around = Surroundings(
        EditorContext("a/one.py", ("a/one.py", "b/three.py"), ("c/four.py",)),
        {"b/three.py": 0, "d/five.py": 3, "e/old.py": 400},
        {"d/five.py": 0.5},
    )
    assert reasons(around, "a/one.py") == ["the active file"]
    assert reasons(around, "a/two.py") == ["in the active file's package"]
    assert reasons(around, "b/three.py") == ["open in the editor", "changed by the last commit"]
    assert reasons(around, "c/four.py") == ["edited lately"]
    assert reasons(around, "d/five.py") == ["changes together with the active file", "changed 3 commits ago"]
    assert reasons(around, "e/old.py") == []


def test_nearness_settles_what_is_nearly_even() -> None:
    assert order(Surroundings())[0] == "a/one.py"
    assert order(Surroundings(EditorContext(open=("b/three.py",))))[0] == "b/three.py"
    assert order(Surroundings(ages={"b/three.py": 0}))[0] == "b/three.py"


@given(
    st.sampled_from(PATHS),
    st.lists(st.sampled_from(PATHS)),
    st.lists(st.sampled_from(PATHS)),
    st.dictionaries(st.sampled_from(PATHS), st.integers(0, 100)),
    st.dictionaries(st.sampled_from(PATHS), st.floats(0, 1)),
)
def test_lifts_are_bounded(
    active: str, opened: list[str], edited: list[str], ages: dict[str, int], together: dict[str, float]
) -> None:
    around = Surroundings(EditorContext(active, tuple(opened), tuple(edited)), ages, together)
    for path in PATHS:
        factors = [factor for factor, _ in around.lifts(path)]
        assert all(factor > 1 for factor in factors)
        assert math.prod(factors) <= MOST + 1e-9


def test_the_past_of_a_repository_lifts(indexed: Callable[[str], Folder]) -> None:
    folder = indexed("\n//- /a.py\ndef upload(): pass\n//- /b.py\ndef upload(): pass\n//- /c.py\nx = 1\n")

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *arguments], cwd=folder.root, check=True, capture_output=True)

    def best() -> tuple[str, tuple[str, ...]]:
        request = SearchRequest("upload", context=EditorContext(active="c.py"))
        hit = folder.search(request).hits[0]
        return hit.path, hit.reasons

    assert best()[0] == "a.py"
    git("init")
    for number in range(2):
        (folder.root / "c.py").write_text(f"x = {number + 2}\n")
        with (folder.root / "b.py").open("a") as file:
            file.write(f"# {number}\n")
        git("add", "b.py", "c.py")
        git("commit", "-m", "both")
    folder.reconcile()
    assert folder.past.catch_up(30)
    path, said = best()
    assert path == "b.py"
    assert {"changes together with the active file x1.10", "changed by the last commit x1.04"} <= set(said)
