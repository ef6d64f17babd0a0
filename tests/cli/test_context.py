"""``conexus context``: evidence on stdout, warnings on stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from conexus.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run


def test_evidence_has_paths_and_line_numbers(run: Run, project: Path) -> None:
    ran = run("context", "where are secrets masked", "--root", project, "--profile", "relaxed")
    assert ran.code == Exit.OK
    assert ran.out.startswith("## src/secrets.py\n1 def redact_secrets(text):\n")


def test_json_has_everything(run: Run, project: Path) -> None:
    ran = run("context", "redact_secrets", "--root", project, "--budget", 300, "--task", "security", "--json")
    reply = json.loads(ran.out)
    assert (reply["budget"], reply["task"]) == (300, "security")
    assert reply["tokens"] <= 300
    first = reply["evidence"][0]
    assert (first["relative"], first["symbol"], first["role"]) == (
        "src/secrets.py",
        "redact_secrets",
        "answer",
    )
    assert {gate["name"] for gate in reply["gates"]} >= {"evidence", "tokens"}
    assert any(one["text"] == "calls `mask`" for one in reply["statements"])


def test_where_one_is_comes_first(run: Run, project: Path) -> None:
    ran = run("context", "what happens here", "--root", project, "--at", "src/net/http_client.py:5")
    assert ran.out.splitlines()[:2] == ["## src/net/http_client.py", "4     def send(self, request):"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([" "], "The QUERY is empty"),
        (["x", "--at", "src/secrets.py"], "is no place; write PATH:LINE"),
        (["x", "--at", "none.py:3"], "there is no such file"),
        (["x", "--task", "art"], "Invalid value for '--task'"),
    ],
)
def test_a_wrong_command_line_is_refused(
    run: Run, project: Path, arguments: list[str], complaint: str
) -> None:
    ran = run("context", *arguments, "--root", project)
    assert ran.code == Exit.USAGE
    assert complaint in ran.err


def test_a_budget_nobody_can_keep_fails(run: Run, project: Path) -> None:
    ran = run("context", "secrets", "--root", project, "--budget", 1)
    assert ran.code == Exit.FAILED
    assert "a budget of 1 tokens is not 100 to 100000" in ran.err


def test_no_index_answers_from_what_is_there(run: Run, project: Path) -> None:
    before = run("context", "secrets", "--root", project, "--no-index")
    assert before.code == Exit.FAILED
    assert "conexus index" in before.err


def test_nothing_found_has_its_own_code(run: Run, project: Path) -> None:
    ran = run("context", "secrets", "--root", project, "--path", "no/such/**")
    assert (ran.code, ran.out) == (Exit.NOTHING, "")
    assert "evidence: nothing was found" in ran.err
