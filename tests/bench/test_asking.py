"""The runner asks the engine that is shipped, and ablations leave it as it was."""

from __future__ import annotations

import pytest
from attrs import evolve
from bench.quality.ablate import ABLATIONS, Ablated
from bench.quality.asking import answers, asked
from bench.quality.show import explained, show_one
from bench.quality.truth import Question, Target

from conexus.engine.engine import Engine
from conexus.search import rank as ranking
from conexus.search.query import SearchRequest
from conexus.settings import Settings

PROJECT = """\
//- /src/retry.py
def backoff(attempt):
    \"\"\"Return how long to wait before the next attempt.\"\"\"
    return min(60, 2 ** attempt)

def give_up(attempt, most):
    \"\"\"Return whether there were too many attempts.\"\"\"
    return attempt > most
//- /src/cache.py
class Cache:
    \"\"\"Answers that were given before.\"\"\"

    def evict(self):
        \"\"\"Forget the oldest answer.\"\"\"
        self.entries.popitem()
//- /tests/test_retry.py
def test_backoff_waits_longer_each_attempt():
    assert backoff(3) == 8
//- /examples/wait.py
def wait_before_next_attempt(attempt):
    sleep(backoff(attempt))
//- /src/retry.pyi
def backoff(attempt: int) -> int: ...
//- /README.md
# Retry
Waits between attempts, with backoff.
//- /NOTES
How long to wait before the next attempt was decided by vote.
"""
QUESTIONS = (
    Question("prose", "how long to wait before the next attempt", "semantic", (Target("src/retry.py"),)),
    Question("symbol", "Cache.evict", "symbol", (Target("src/cache.py"),)),
    Question("phrase", '"too many attempts"', "exact", (Target("src/retry.py"),)),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, written):
    root = written(tmp_path_factory.mktemp("project"), PROJECT)
    with Engine(Settings(), tmp_path_factory.mktemp("data")) as engine:
        opened = engine.open(root)
        opened.reconcile()
        yield opened


@pytest.fixture(scope="module")
def questions(folder):
    return list(asked(folder, QUESTIONS))


def test_the_first_hits_are_those_of_a_search(folder, questions):
    found = answers(folder, questions)["conexus"]
    for question in QUESTIONS:
        hits = folder.search(SearchRequest(question.text)).hits
        assert hits
        shown = [[hit.path, hit.span.start_line, hit.span.end_line] for hit in hits]
        assert found[question.id][: len(shown)] == shown


def test_agents_alone_answer_too(folder, questions):
    assert {"conexus", "our lexical", "our semantic"} <= answers(folder, questions).keys()


def test_show_one_gives_plan_candidates_and_reasons(folder):
    reply = folder.search(SearchRequest(QUESTIONS[0].text, explain=True))
    text = "\n".join(explained(reply, 3))
    assert "plan: prose" in text
    assert "semantic agent: ok" in text
    assert "src/retry.py:1-" in text
    assert "semantic #1" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["x", "--folder", "no/such"], "no/such: not a dir"), ([" "], "the QUERY is empty")],
)
def test_show_one_says_what_is_wrong(arguments, said, capsys):
    with pytest.raises(SystemExit):
        show_one(arguments)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("ablation", ABLATIONS, ids=lambda one: one.name)
def test_an_ablation_changes_something_there_is_and_ends(ablation):
    before = {name: getattr(ranking, name) for name in ablation.neutral}
    with ablation.applied():
        assert all(getattr(ranking, name) != value for name, value in before.items())
    assert {name: getattr(ranking, name) for name in ablation.neutral} == before


@pytest.mark.parametrize(
    ("name", "path", "reason"),
    [
        ("tests count less, or more", "tests/test_retry.py", "test"),
        ("examples, vendored, beside the code", "examples/wait.py", "example, vendored or beside the code"),
        ("declarations", "src/retry.pyi", "declarations"),
        ("not code", "README.md", "not code"),
        ("no grammar", "NOTES", "no grammar"),
    ],
)
def test_what_is_left_out_does_not_count(questions, name, path, reason):
    left = next(one for one in ABLATIONS if one.name == name)
    question = questions[0]
    query = evolve(question.query, limit=50)
    full = {one.row.path: one for one in ranking.rank(query, question.found)}
    with left.applied():
        without = {one.row.path: one for one in ranking.rank(query, question.found)}
    assert f"{reason} x1.00" in without[path].reasons
    assert without[path].score > full[path].score


def test_code_beside_the_code_may_be_the_measure_of_its_worth(questions):
    left = next(one for one in ABLATIONS if one.name == "worth against the code itself")
    question = questions[0]
    before = [one.score for one in ranking.rank(question.query, question.found)]
    with left.applied():
        assert [one.score for one in ranking.rank(question.query, question.found)] != before


def test_ablations_are_tables_of_ranks(questions):
    ablated = Ablated()
    ablated.add("project", questions)
    table = ablated.tables["project"]
    assert list(table) == [one.name for one in ABLATIONS]
    assert table["all of it"]["symbol"] == (1,)
