"""Git's configuration, read without git: the same values git gives."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from conexus.workspace import gitconfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    "text",
    [
        "[core]\n\texcludesFile = ~/mine\n",
        '[core]\nexcludesfile="/a b/c # d" ; comment\n',
        "[CORE] ExcludesFile=/x\\\\y\n",
        "[core]\nexcludesfile = /a \\\n b   # c\n",
        '[core]\n\tbare\n[other "sub.Section"]\nexcludesfile = /no\n',
        "[core]\nexcludesfile = /first\nexcludesfile = /second\n",
        "[core]\nexcludesfile = \n",
    ],
)
def test_a_value_is_what_git_reads(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    git = subprocess.run(
        ["git", "config", "-f", str(file), "core.excludesfile"], capture_output=True, text=True, check=False
    )
    ours = [value for key, value in gitconfig.parse(text) if key == "core.excludesfile"]
    assert (ours[-1] if ours else "") == git.stdout.removesuffix("\n")


def test_global_excludes_count(tmp_path: Path, home: Path, check: Callable[..., Any]) -> None:
    (home / "config" / "git").mkdir(parents=True)
    (home / "config" / "git" / "ignore").write_text("*.swp\n")
    (tmp_path / "a.swp").write_text("")
    assert check(tmp_path)[1] == {"a.swp": "ignored"}


def test_excludes_file_is_found_through_an_include(
    tmp_path: Path, home: Path, check: Callable[..., Any], init: Callable[..., Any]
) -> None:
    (home / "mine").write_text("*.bak\n/pkg/own\n")
    (home / ".gitconfig").write_text("[include]\n\tpath = more\n")
    (home / "more").write_text("[core]\n\texcludesFile = ~/mine\n")
    init(tmp_path)
    (tmp_path / "pkg").mkdir()
    for name in ("a.bak", "pkg/own", "pkg/a.py"):
        (tmp_path / name).write_text("")
    assert check(tmp_path)[0] == {"pkg/a.py"}
    # From a folder below, the same anchored pattern still means the same file.
    assert check(tmp_path / "pkg")[0] == {"a.py"}


def test_info_exclude_counts_in_work_trees_and_submodules(tmp_path: Path, check: Callable[..., Any]) -> None:
    common, tree = tmp_path / "common", tmp_path / "tree"
    (common / "info").mkdir(parents=True)
    (common / "info" / "exclude").write_text("*.out\n")
    private = common / "worktrees" / "tree"
    private.mkdir(parents=True)
    (private / "commondir").write_text("../..\n")
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {private}\n")
    (tree / "a.out").write_text("")
    assert check(tree)[1] == {".git": "never_source", "a.out": "ignored"}


def test_a_broken_git_file_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    assert gitconfig.repository_at(tmp_path) is None


def test_case_is_ignored_where_git_ignores_it(
    tmp_path: Path, check: Callable[..., Any], init: Callable[..., Any]
) -> None:
    init(tmp_path)
    subprocess.run(["git", "-C", str(tmp_path), "config", "core.ignoreCase", "true"], check=True)
    (tmp_path / ".gitignore").write_text("*.OUT\n")
    (tmp_path / "a.out").write_text("")
    assert "a.out" in check(tmp_path)[1]


def test_system_and_global_files_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ignore").write_text("*.a\n")
    (tmp_path / "config").write_text(f"[core]\nexcludesFile = {tmp_path / 'ignore'}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.delenv("GIT_CONFIG_NOSYSTEM")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    assert gitconfig.global_excludes(None) == "*.a\n"
