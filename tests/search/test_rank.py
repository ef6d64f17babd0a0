from __future__ import annotations

import pytest

from conexus.domain import Span
from conexus.search.projects import Projects
from conexus.search.query import SearchRequest, plan
from conexus.search.rank import is_test, nearness, rank
from conexus.search.retrieve import Agent, Found
from conexus.store.places import Row


def row(path: str, ord_: int = 0, symbol: str = "", kind: str = "function", score: float = 0.0) -> Row:
    return Row(hash(path) % 1000, path, ord_, Span(0, 1, 1, 1), symbol, kind, b"", score)


def order(
    text: str, *found: tuple[Agent, list[Row]], limit: int = 10, **filters: tuple[str, ...]
) -> list[str]:
    query = plan(SearchRequest(text, limit=limit, **filters))
    results = [Found(agent, tuple(rows), 0.0) for agent, rows in found]
    return [answer.row.path for answer in rank(query, results)]


def test_what_two_agents_agree_on_comes_first() -> None:
    a, b, c = row("a.py"), row("b.py"), row("c.py")
    assert order("some question here", (Agent.SEMANTIC, [a, b]), (Agent.LEXICAL, [c, b]))[0] == "b.py"


def test_tests_rank_below_what_they_test_unless_asked_for() -> None:
    found = (Agent.SEMANTIC, [row("tests/test_upload.py"), row("upload.py")])
    assert order("retry uploads", found) == ["upload.py", "tests/test_upload.py"]
    assert order("tests of retry uploads", found)[0] == "tests/test_upload.py"


@pytest.mark.parametrize(
    "path",
    [
        "tests/a.py", "Tests/AppTests/a.swift", "src/Json.Tests/Linq/a.cs", "exposed-tests/src/a.kt",
        "lib/src/androidTest/a.kt", "test-resources/a.kt", "test_suite/a.rs", "pkg/a_test.go", "src/a.spec.ts",
        "a/test_b.py", "test_b.c", "conftest.py", "src/main/FooTest.java", "x/skip.bats", "spec/a_spec.rb",
    ],
)  # fmt: skip
def test_tests_are_known_by_their_path(path: str) -> None:
    assert is_test(path)


@pytest.mark.parametrize(
    "path",
    ["src/latest/a.py", "lib/contest/a.py", "lib/test_functions.bash", "src/attestation.go", "greatest.js",
     "inspector/a.ts", "src/Request/a.php"],
)  # fmt: skip
def test_what_only_sounds_like_tests_is_code(path: str) -> None:
    assert not is_test(path)


def test_hits_of_a_project_that_the_question_is_not_about_count_less() -> None:
    paths = [f"{project}/{i}.py" for project in ("huge", "small") for i in range(50)]
    near = [
        Row(number, path, 0, Span(0, 1, 1, 1), "", "function", b"", 0.5) for number, path in enumerate(paths)
    ]
    query = plan(SearchRequest("some question here", limit=100))
    found = [Found(Agent.SEMANTIC, tuple(near), 0.0)]
    projects = Projects({"": 0, "huge": 9_900, "small": 100})
    answers = rank(query, found, None, projects)
    assert [answer.row.path.split("/")[0] for answer in answers] == ["small"] * 50 + ["huge"] * 50
    assert any(reason.startswith("in a project that has less of it x0.") for reason in answers[-1].reasons)
    assert not any("less of it" in reason for reason in answers[0].reasons)


def test_who_says_where_to_look_knows_which_project_is_meant() -> None:
    query = plan(SearchRequest("some question here path:huge"))
    assert nearness(query, [Found(Agent.SEMANTIC, (row("huge/a.py", score=0.5),), 0.0)]) == []


def test_definitions_rank_above_uses() -> None:
    use, definition = row("use.py", symbol="main"), row("impl.py", symbol="Client.retry_policy")
    assert order("the retry policy", (Agent.LEXICAL, [use, definition]))[0] == "impl.py"


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("where is the Größe kept", "lib/größe.py", "file is named so"),
        ("where are uploads kept", "lib/uploads/a.py", "path says it"),
        ("the http client of it", "lib/a.py", "defines Net.HTTPClient"),
    ],
)
def test_words_of_the_question_are_found_in_paths_and_names(text: str, path: str, reason: str) -> None:
    query = plan(SearchRequest(text))
    (answer,) = rank(query, [Found(Agent.SEMANTIC, (row(path, symbol="Net.HTTPClient"),), 0.0)])
    assert any(said.startswith(reason) for said in answer.reasons)


def test_one_file_does_not_fill_the_list() -> None:
    many = [row("a.py", i) for i in range(4)]
    assert order("some question", (Agent.SEMANTIC, [*many, row("b.py")]), limit=3)[1] == "b.py"


def test_a_much_better_match_outweighs_a_place_in_a_list() -> None:
    far = (Agent.LEXICAL, [row("a.py", score=9.0), row("b.py", score=1.0)])
    close = (Agent.SEMANTIC, [row("b.py", score=0.52), row("a.py", score=0.50)])
    assert order("some question here", far, close)[0] == "a.py"


def test_code_is_not_measured_against_the_tests_before_it() -> None:
    tests = [row(f"tests/test_{i}.py", score=30.0) for i in range(5)]
    code = [row("a.py", score=6.0), row("b.py", score=5.0)]
    # Among themselves the two are close, so what the other agent says of them decides.
    other = (Agent.SEMANTIC, [row("b.py", score=0.6), row("a.py", score=0.3)])
    found = order("some question here", (Agent.LEXICAL, [*tests, *code]), other)
    assert found.index("b.py") < found.index("a.py")


def test_kind_filter() -> None:
    found = (Agent.SEMANTIC, [row("a.py", kind="class"), row("b.py", kind="function")])
    assert order("some question", found, kinds=("function",)) == ["b.py"]


def test_every_hit_gives_reasons_and_scores_fall() -> None:
    query = plan(SearchRequest("retry upload"))
    rows = [row("retry.py"), row("tests/test_x.py"), row("z.py")]
    ranked = rank(query, [Found(Agent.SEMANTIC, tuple(rows), 0.0), Found(Agent.LEXICAL, (rows[2],), 0.0)])
    assert all(any("#" in reason for reason in answer.reasons) for answer in ranked)
    assert 0 < ranked[0].score <= 1
    assert [a.score for a in ranked] == sorted((a.score for a in ranked), reverse=True)
    by_path = {answer.row.path: answer.reasons for answer in ranked}
    assert any("path says it" in reason for reason in by_path["retry.py"])
    assert any(reason.startswith("test") for reason in by_path["tests/test_x.py"])


def test_nothing_found() -> None:
    assert order("some question", (Agent.SEMANTIC, [])) == []
