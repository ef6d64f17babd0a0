"""What git says of a folder: in a repository, a worktree, a shallow clone, below the root, and with no git."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from conexus.workspace import history

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "ghp_" + "x1Y2" * 9


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path, message: str, **files: str) -> str:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(text, "utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-qb", "main")
    commit(root, "Begin", a="one\ntwo\n", lib__b="b\n")
    commit(root, "ABC-7: two more lines\n\nCloses #3", a="one\ntwo\nthree\n", lib__b="b\nb\n")
    return root


def test_where_a_folder_stands(repository: Path, tmp_path: Path) -> None:
    here = history.position(repository)
    assert here == history.Position(git(repository, "rev-parse", "HEAD"), "main", shallow=False)
    git(repository, "checkout", "-q", "--detach")
    detached = history.position(repository)
    assert detached is not None
    assert detached.branch == ""
    assert history.position(tmp_path) is None
    (tmp_path / "unborn").mkdir()
    git(tmp_path / "unborn", "init", "-q")
    assert history.position(tmp_path / "unborn") is None


def test_without_git_there_is_no_past(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert history.position(repository) is None
    assert history.branches(repository) == []
    assert history.blame(repository, "a.py", 1, 2) == []
    assert history.default_branch(repository) == ""


def test_commits_with_files_and_tickets(repository: Path) -> None:
    newest, first = history.recent(repository, "HEAD", 10)
    found = list(history.commits(repository, [newest, first]))
    assert [(one.subject, one.tickets, one.paths) for one in found] == [
        ("ABC-7: two more lines", ("ABC-7", "#3"), ("a.py", "lib/b.py")),
        ("Begin", (), ("a.py", "lib/b.py")),
    ]
    assert {one.author for one in found} == {"Ada"}
    assert list(history.commits(repository, ["0" * 40])) == []


def test_below_the_root_paths_are_the_folders_own(repository: Path) -> None:
    found = list(history.commits(repository / "lib", history.recent(repository / "lib", "HEAD", 1)))
    assert found[0].paths == ("b.py",)
    assert history.blame(repository / "lib", "b.py", 1, 2)


def test_a_merge_changes_what_it_brings_in(repository: Path) -> None:
    git(repository, "checkout", "-qb", "feature/XY-1")
    commit(repository, "Work", c="c\n")
    git(repository, "checkout", "-q", "main")
    git(repository, "merge", "-q", "--no-ff", "-m", "Merge branch 'feature/XY-1'", "feature/XY-1")
    merge = next(iter(history.commits(repository, history.recent(repository, "HEAD", 1))))
    assert (merge.is_merge, merge.tickets, merge.paths) == (True, ("XY-1",), ("c.py",))


def test_odd_names_and_messages_come_through(repository: Path) -> None:
    (repository / "grün \t.py").write_text("x\n", "utf-8")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", f"Tabs\tand ünïcode \x1f and a key {TOKEN}")
    found = next(iter(history.commits(repository, history.recent(repository, "HEAD", 1))))
    assert found.paths == ("grün \t.py",)
    assert "ünïcode" in found.subject
    assert TOKEN not in found.subject


def test_branches_and_what_others_start_from(repository: Path) -> None:
    git(repository, "branch", "feature/ABC-1")
    assert {one.name for one in history.branches(repository)} == {"main", "feature/ABC-1"}
    assert history.default_branch(repository) == "refs/heads/main"
    git(repository, "branch", "-m", "main", "trunk")
    assert history.default_branch(repository) == ""


def test_a_clone_knows_the_branches_of_its_remote(repository: Path, tmp_path: Path) -> None:
    git(repository, "branch", "feature/ABC-1")
    git(tmp_path, "clone", "-q", str(repository), "clone")
    assert {one.name for one in history.branches(tmp_path / "clone")} == {"main", "feature/ABC-1"}
    assert history.default_branch(tmp_path / "clone") == "refs/remotes/origin/main"


def test_a_shallow_clone_says_so_and_works(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "clone")
    here = history.position(tmp_path / "clone")
    assert here is not None
    assert here.shallow
    assert len(history.recent(tmp_path / "clone", "HEAD", 10)) == 1
    assert history.blame(tmp_path / "clone", "a.py", 1, 3)


def test_a_worktree_works(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-qb", "side", str(tmp_path / "side"))
    here = history.position(tmp_path / "side")
    assert here is not None
    assert here.branch == "side"
    assert len(history.recent(tmp_path / "side", "HEAD", 10)) == 2


def test_blame_says_who_wrote_which_lines(repository: Path) -> None:
    newest, first = history.recent(repository, "HEAD", 10)
    assert history.blame(repository, "a.py", 1, 3) == [
        history.Blamed(1, 2, first),
        history.Blamed(3, 3, newest),
    ]
    unsaved = history.blame(repository, "a.py", 1, 3, b"one\nnew\nthree\n")
    assert unsaved == [history.Blamed(1, 1, first), history.Blamed(2, 2, ""), history.Blamed(3, 3, newest)]
    assert history.blame(repository, "no-such.py", 1, 1) == []


def test_a_repository_somebody_else_meant_is_not_asked(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    assert history.position(tmp_path) is None
