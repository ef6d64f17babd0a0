"""``conexus search --queries``: the door for outside harnesses."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from conexus.cli import text
from conexus.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Ran, Run

QUESTIONS = '{"id": "q1", "query": "redact secrets"}\n\n{"id": 2, "query": "retry with backoff", "more": 1}\n'


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text(QUESTIONS, "utf-8")
    return path


def of_questions(ran: Ran, questions: Path) -> list[str]:
    """Return what was said of lines of the file; a slow machine also says how far it is in reading the folder."""
    return [line for line in ran.err.splitlines() if line.startswith(f"{questions}:")]


def test_each_line_is_answered_in_order(run: Run, project: Path, questions: Path) -> None:
    ran = run("search", "--root", project, "--queries", questions, "--limit", 2, "--format", "jsonl")
    assert ran.code == Exit.OK
    answers = [json.loads(line) for line in ran.out.splitlines()]
    assert [answer["id"] for answer in answers] == ["q1", 2]
    first = answers[0]["hits"][0]
    assert set(first) == {"path", "start_line", "end_line", "score", "symbol", "reasons"}
    assert (first["path"], first["start_line"], first["end_line"]) == ("src/secrets.py", 1, 3)
    assert answers[1]["hits"][0]["path"] == "src/net/http_client.py"
    assert all(len(answer["hits"]) <= 2 for answer in answers)


def test_trec_runs_have_six_columns(run: Run, project: Path, questions: Path) -> None:
    rows = [
        line.split()
        for line in run(
            "search", "--root", project, "--queries", questions, "--format", "trec"
        ).out.splitlines()
    ]
    assert all(len(row) == 6 for row in rows)
    assert rows[0][:4] == ["q1", "Q0", "src/secrets.py:1-3", "1"]
    assert rows[0][5] == "conexus"
    scores = [float(row[4]) for row in rows if row[0] == "q1"]
    assert scores == sorted(scores, reverse=True)


def test_questions_come_from_stdin_too(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(QUESTIONS.encode())))
    assert len(run("search", "--root", project, "--queries", "-").out.splitlines()) == 2


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "not an object"),
        (b'{"query": "x"}', '"id"'),
        (b'{"id": true, "query": "x"}', '"id"'),
        (b'{"id": "", "query": "x"}', '"id"'),
        (b'{"id": "1"}', '"query"'),
        (b'{"id": "1", "query": " "}', '"query"'),
        (b'{"id": "1", "query": 7}', '"query"'),
    ],
)
def test_a_bad_line_is_named_and_the_rest_answered(
    run: Run, project: Path, questions: Path, line: bytes, named: str
) -> None:
    questions.write_bytes(line + b"\n" + QUESTIONS.encode())
    ran = run("search", "--root", project, "--queries", questions)
    assert ran.code == Exit.PARTLY
    (said,) = of_questions(ran, questions)
    assert said.startswith(f"{questions}:1: ")
    assert named in said
    assert ran.err.splitlines()[-1] == "1 line could not be answered."
    assert [json.loads(answer)["id"] for answer in ran.out.splitlines()] == ["q1", 2]


def test_an_agent_that_fails_is_said_once(
    run: Run, project: Path, questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("names are gone")

    monkeypatch.setattr("conexus.search.names.definitions", fail)
    ran = run("search", "--root", project, "--queries", questions)
    assert ran.code == Exit.OK
    said = of_questions(ran, questions)
    assert said == [f"{questions}:1: the symbol search failed: OSError: names are gone"]
    assert [json.loads(answer)["id"] for answer in ran.out.splitlines()] == ["q1", 2]


def test_an_answer_that_time_ran_out_for_is_marked(
    run: Run, project: Path, questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conexus.engine.searcher._FIRST_SECONDS", 0.0)
    ran = run("search", "--root", project, "--queries", questions)
    answers = [json.loads(line) for line in ran.out.splitlines()]
    assert [answer.get("partial") for answer in answers] == [True, None]
    assert of_questions(ran, questions)[0].startswith(f"{questions}:1: ")


def test_filters_hold_for_every_question(run: Run, project: Path, questions: Path) -> None:
    ran = run("search", "--root", project, "--queries", questions, "--lang", "go")
    paths = {hit["path"] for line in ran.out.splitlines() for hit in json.loads(line)["hits"]}
    assert paths == {"src/parse.go"}


def test_a_missing_file_is_a_wrong_command_line(run: Run, project: Path, tmp_path: Path) -> None:
    assert run("search", "--root", project, "--queries", tmp_path / "none").code == Exit.USAGE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")
def test_names_with_white_space_stay_one_column(run: Run, project: Path, questions: Path) -> None:
    (project / os.fsdecode(b"a b\n\xff%.py")).write_text("def redact_secrets_too():\n    pass\n", "utf-8")
    out = run("search", "--root", project, "--queries", questions, "--format", "trec").out
    assert all(len(row.split(" ")) == 6 for row in out.splitlines())
    assert "a%20b%0A%FF%25.py:1-2" in out


def test_a_column_keeps_ordinary_names() -> None:
    assert text.column("src/a-b_c.py") == "src/a-b_c.py"
