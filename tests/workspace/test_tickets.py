"""Ticket ids in commits and branch names."""

from __future__ import annotations

import pytest

from conexus.workspace.tickets import as_asked, in_branch, in_message


@pytest.mark.parametrize(
    ("message", "tickets"),
    [
        ("Fix the retry (#12)", ("#12",)),
        ("ABC-123: retry, see GH-7\n\nCloses #13", ("ABC-123", "#7", "#13")),
        ("Merge branch 'feature/XY-77' into main", ("XY-77",)),
        ("Merge pull request #5 from ada/fix/99-retry", ("#5", "#99")),
        ("Read UTF-8 and SHA-256, as RFC-2616 and CVE-2021-4 say", ()),
        ("a colour #fff, an anchor page.html#12, an entity &#39; and x86-64", ()),
        ("ABC-1 and ABC-1 again", ("ABC-1",)),
        ("", ()),
    ],
)
def test_messages(message: str, tickets: tuple[str, ...]) -> None:
    assert in_message(message) == tickets


@pytest.mark.parametrize(
    ("name", "tickets"),
    [
        ("feature/ABC-123", ("ABC-123",)),
        ("feature/abc-123_retry", ("ABC-123",)),
        ("fix/123", ("#123",)),
        ("123-retry-later", ("#123",)),
        ("user/issue-42", ("#42",)),
        ("issue/42", ("#42",)),
        ("ada/ABC-9-x", ("ABC-9",)),
        ("main", ()),
        ("release/3-1", ()),
        ("v2", ()),
    ],
)
def test_branches(name: str, tickets: tuple[str, ...]) -> None:
    assert in_branch(name) == tickets


@pytest.mark.parametrize(
    ("text", "ticket"),
    [
        (" 12 ", "#12"),
        ("#12", "#12"),
        ("abc-12", "ABC-12"),
        ("feature/ABC-12", "ABC-12"),
        ("hello", ""),
        ("", ""),
    ],
)
def test_what_somebody_asks_for(text: str, ticket: str) -> None:
    assert as_asked(text) == ticket
