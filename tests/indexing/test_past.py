"""A folder's past follows its repository: new commits, other branches, rewritten history, no git at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.workspace.test_history import commit, git

from conexus.indexing import past as reading
from conexus.indexing.past import Past

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-qb", "main")
    commit(root, "Begin", a="1\n", b="1\n")
    commit(root, "ABC-1: both", a="2\n", b="2\n")
    return root


@pytest.fixture
def past(root: Path, tmp_path: Path) -> Iterator[Past]:
    past = Past(root, tmp_path / "data" / "commits.db")
    yield past
    past.close()


def subjects(past: Past, ticket: str) -> list[str]:
    assert past.catch_up(20.0)
    return [one.subject for one in past.store().of_ticket(ticket)]


def test_commits_are_read_once_and_new_ones_follow(
    root: Path, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    commits = reading.history.commits

    def counted(where: Path, ids: list[str]) -> object:
        asked.append(len(ids))
        return commits(where, ids)

    monkeypatch.setattr(reading.history, "commits", counted)
    assert subjects(past, "ABC-1") == ["ABC-1: both"]
    assert past.catch_up(20.0)
    commit(root, "ABC-1: once more", a="3\n")
    assert subjects(past, "ABC-1") == ["ABC-1: once more", "ABC-1: both"]
    assert asked == [2, 1]
    assert past.position is not None
    assert past.position.branch == "main"


def test_a_branchs_name_makes_its_commits_the_tickets(root: Path, past: Past) -> None:
    git(root, "checkout", "-qb", "feature/XY-5-retry")
    commit(root, "Wait longer", a="4\n")
    assert subjects(past, "XY-5") == ["Wait longer"]
    git(root, "checkout", "-q", "main")
    assert subjects(past, "XY-5") == ["Wait longer"]
    git(root, "branch", "-qD", "feature/XY-5-retry")
    assert subjects(past, "XY-5") == []


def test_history_may_be_rewritten(root: Path, past: Past) -> None:
    assert past.catch_up(20.0)
    git(root, "reset", "-q", "--hard", "HEAD~1")
    commit(root, "ABC-2: another way", a="9\n")
    assert subjects(past, "ABC-2") == ["ABC-2: another way"]
    assert [one.subject for one in past.store().recent(5)] == ["ABC-2: another way", "Begin"]


def test_what_changes_together_follows(root: Path, past: Past) -> None:
    assert past.catch_up(20.0)
    assert past.store().together("a.py") == {"b.py": 1.0}
    commit(root, "Only one", a="5\n", c="5\n")
    assert past.catch_up(20.0)
    assert past.store().together("a.py") == {"b.py": 2 / 3}


def test_no_repository_has_no_past(tmp_path: Path) -> None:
    past = Past(tmp_path, tmp_path / "data" / "commits.db")
    assert past.catch_up(20.0)
    assert past.position is None
    assert past.store().recent(5) == []
    past.close()
    assert not past.catch_up(0.0)


def test_a_place_that_cannot_be_written_costs_only_the_past(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    past = Past(root, tmp_path / "file" / "commits.db")
    assert past.catch_up(20.0)
    assert past.position is not None
    past.close()


def test_shallow_clones_and_worktrees(root: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{root}", "clone")
    git(root, "worktree", "add", "-qb", "side", str(tmp_path / "side"))
    for place, count in ((tmp_path / "clone", 1), (tmp_path / "side", 2)):
        past = Past(place, tmp_path / f"{place.name}.db")
        assert subjects(past, "ABC-1") == ["ABC-1: both"]
        assert len(past.store().recent(9)) == count
        past.close()
