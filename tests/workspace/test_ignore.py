"""Our reading of ignore patterns against git's own."""

from __future__ import annotations

import os
import subprocess
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable
from conexus.settings import ScopeSettings
from conexus.workspace.files import Scope
from conexus.workspace.ignore import DIRECTORY_MARK, leads, parse

# Pieces that meet in every way git's matcher distinguishes.
_PIECES = [
    "a", "b", "ab", "*", "**", "***", "?", "/", "/", "[ab]", "[!a]", "[^b]", "[a-c]", "[c-a]", "[]a]", "[\\]a]",
    "[a\\-c]", "[[:alpha:]]", "[[:nope:]]", "[a", "\\", "\\*", "\\ ", ".", "!", "#", " ", "-", "/**/", "**/", "/**",
]  # fmt: skip
_NAMES = ["a", "b", "ab", "abc", ".a", "a.b", "*", "a b", "-", "]", "a "]

_patterns = st.lists(
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=5).map("".join), min_size=1, max_size=4
)
_quiet = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, init: Callable[..., Any]) -> Path:
    root = tmp_path_factory.mktemp("repository")
    init(root)
    for first, second in product(_NAMES, repeat=2):
        (root / first / second).mkdir(parents=True, exist_ok=True)
    for first, second, third in product(_NAMES[:6], _NAMES[:6], _NAMES[:4]):
        (root / first / second / third).write_text("")
    for first in _NAMES:
        (root / f"f{first}").write_text("")
    return root


@given(own=_patterns, nested=_patterns)
@_quiet
def test_walk_lists_the_files_git_lists(repository: Path, own: list[str], nested: list[str]) -> None:
    (repository / ".gitignore").write_text("\n".join(own) + "\n")
    (repository / "a" / ".gitignore").write_text("\n".join(nested) + "\n")
    listed = subprocess.run(
        ["git", "-C", str(repository), "ls-files", "-o", "-z", "--exclude-standard"],
        capture_output=True,
        check=True,
    )
    ours = {entry.path for entry in Scope(repository, ScopeSettings()).walk().entries}
    assert ours == {os.fsdecode(path) for path in listed.stdout.split(b"\0") if path}


@given(patterns=_patterns)
@_quiet
def test_admit_says_what_walk_lists(patterns: list[str]) -> None:
    with TemporaryDirectory() as directory:
        root = Path(directory)
        for path in ("a/a", "a/b/a", "ab/.a/b", "b", "a.b"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("")
        (root / ".gitignore").write_text("\n".join(patterns))
        scope = Scope(root, ScopeSettings(include=("ab/**/b",)))
        listed = {entry.path: entry for entry in scope.walk().entries}
        for path in root.rglob("*"):
            if path.is_file():
                name = path.relative_to(root).as_posix()
                assert listed.get(name) == (scope.admit(name) if name in listed else None)


@pytest.mark.parametrize(
    ("text", "path", "verdict"),
    [
        ("*.pyc", "a/b.pyc", True),
        ("*.pyc\n!b.pyc", "a/b.pyc", False),
        ("!b.pyc\n*.pyc", "a/b.pyc", True),
        ("/build", "a/build", None),
        ("build/", "build", None),
        ("build/", "build/", True),
        ("docs/*.txt", "docs/a/b.txt", None),
        ("docs/**/*.txt", "docs/a/b.txt", True),
        ("docs/**", "docs/", None),
        ("\ufeff*.md\r\n# *.py\r\n", "a.md", True),
        ("# *.py", "a.py", None),
        ("\\#a", "#a", True),
        ("\\!a", "!a", True),
        ("a  ", "a", True),
        ("a\\ ", "a ", True),
        ("a\\", "a", None),
        ("[z-a]", "z", True),
        ("[[:digit:]x]", "7", True),
        ("[[:digit:", "7", None),
        ("[a", "a", None),
        ("/", "a", None),
        ("foo**/bar", "foo/a/bar", True),
        ("caf?", "café", True),
        ("*.\udcff", "a.\udcff", True),
    ],
)
def test_a_pattern_means_what_git_says(text: str, path: str, verdict: bool | None) -> None:
    mark = DIRECTORY_MARK if path.endswith("/") else ""
    path = path.rstrip("/")
    assert parse(text).verdict(path.rpartition("/")[2] + mark, path + mark) is verdict


def test_case_counts_unless_git_says_otherwise() -> None:
    assert parse("BUILD").verdict("build", "build") is None
    assert parse("BUILD", ignore_case=True).verdict("build", "build") is True


@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "**/a/" * 20 + "b", "**/*a*a*a*a*a*a/" * 5 + "b"])
def test_no_pattern_takes_for_ever(pattern: str) -> None:
    path = "/".join(["a" * 200] * 12 + ["a"] * 12)
    assert parse(pattern).verdict("a" * 250, path) is None


def test_leads_are_the_directories_above_a_match() -> None:
    assert leads(["gen/api/*.py", "*.md", "!no/x", "a/**/b/c"]) == ["/gen/", "/gen/api/", "/a/", "/a/**/"]
