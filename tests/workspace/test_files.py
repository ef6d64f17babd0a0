"""What belongs to the index, and a reason for everything else; `check` holds `admit` to every walk."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conexus.settings import ScopeSettings
from conexus.workspace import files
from conexus.workspace.files import (
    FolderUnreadableError,
    Scope,
    Skipped,
    SkipReason,
    WalkCancelledError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., tuple[set[str], dict[str, SkipReason]]]
    FolderOf = Callable[..., Path]

CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n"


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n")


def test_entries_carry_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"12345")
    os.utime(tmp_path / "a.py", ns=(7, 7))
    (entry,) = Scope(tmp_path, ScopeSettings()).walk().entries
    assert (entry.path, entry.size, entry.mtime_ns) == ("a.py", 5, 7)


def test_entries_and_skips_come_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b/z.py", "b.py", "a/c.py", "z.key", "a.key")
    walk = Scope(tmp_path, ScopeSettings()).walk()
    assert [entry.path for entry in walk.entries] == ["a/c.py", "b.py", "b/z.py"]
    assert [skip.path for skip in walk.skipped] == ["a.key", "z.key"]


def test_an_ignored_directory_is_one_skip(folder_of: FolderOf, check: Check) -> None:
    root = folder_of("""\
//- /.gitignore
build/
*.log
!keep.log
//- /build/a/b.py
//- /build/c.py
//- /src/build
a file may be called build
//- /src/a.log
//- /src/keep.log
""")
    listed, reasons = check(root)
    assert listed == {".gitignore", "src/build", "src/keep.log"}
    assert reasons == {"build": "ignored", "src/a.log": "ignored"}


def test_stronger_kinds_of_ignore_file_win_over_nearer_ones(folder_of: FolderOf, check: Check) -> None:
    root = folder_of("""\
//- /.ignore
!a.gen
c.py
//- /.conexusignore
!c.py
b.py
//- /src/.gitignore
*.gen
//- /src/.ignore
!b.py
//- /src/a.gen
//- /src/b.gen
//- /src/b.py
//- /c.py
""")
    _, reasons = check(root)
    assert reasons == {"src/b.gen": "ignored", "src/b.py": "ignored"}


def test_the_skip_names_the_file_that_ignores(folder_of: FolderOf) -> None:
    root = folder_of("//- /src/.gitignore\n*.log\n//- /src/a.log\n")
    (skip,) = Scope(root, ScopeSettings()).walk().skipped
    assert skip == Skipped("src/a.log", SkipReason.IGNORED, "src/.gitignore")


def test_ignore_files_above_count_up_to_the_repository(tmp_path: Path, init: Any, check: Check) -> None:
    (tmp_path / ".gitignore").write_text("*.py\n")
    top = tmp_path / "top"
    init(top)
    touch(
        top, "sub/folder/a.py", "sub/folder/a.out", "sub/folder/b.out", "sub/folder/c.out", "sub/folder/d.ign"
    )
    (top / ".gitignore").write_text("/sub/folder/a.out\n/a.py\n*.ign\n")
    (top / ".ignore").write_text("!d.ign\n")
    (top / "sub" / ".gitignore").write_text("folder/b.out\n")
    assert check(top / "sub" / "folder")[0] == {"a.py", "c.out", "d.ign"}


def test_an_ignored_folder_that_is_opened_is_indexed(tmp_path: Path, init: Any, check: Check) -> None:
    init(tmp_path)
    (tmp_path / ".gitignore").write_text("build/\nbuild/**\n")
    touch(tmp_path, "build/sub/a.py")
    assert check(tmp_path / "build" / "sub")[0] == {"a.py"}


def test_a_repository_inside_goes_by_its_own_files(tmp_path: Path, init: Any, check: Check) -> None:
    init(tmp_path)
    init(tmp_path / "inner")
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / ".ignore").write_text("*.tmp\n")
    (tmp_path / "inner" / ".git" / "info" / "exclude").write_text("*.out\n")
    touch(tmp_path, "a.log", "inner/a.log", "inner/a.out", "inner/a.tmp")
    listed, _ = check(tmp_path)
    assert listed == {".gitignore", ".ignore", "inner/a.log"}


def test_a_linked_or_strange_ignore_file_says_nothing(tmp_path: Path, check: Check) -> None:
    (tmp_path / "rules").write_text("*.py\n")
    (tmp_path / ".gitignore").symlink_to("rules")
    (tmp_path / ".ignore").mkdir()
    os.mkfifo(tmp_path / ".conexusignore")
    touch(tmp_path, "a.py")
    assert check(tmp_path)[0] == {"a.py", "rules"}


def test_dependencies_and_caches_are_never_source(folder_of: FolderOf, check: Check) -> None:
    root = folder_of(f"""\
//- /node_modules/a/a.js
//- /pkg/__pycache__/a.pyc
//- /env/pyvenv.cfg
//- /env/lib/a.py
//- /target/CACHEDIR.TAG
{CACHE_TAG}
//- /target/a.rs
//- /not_a_cache/CACHEDIR.TAG
something else
//- /not_a_cache/a.py
//- /.git/HEAD
//- /.svn/a
//- /.hg/a
""")
    listed, reasons = check(root)
    assert listed == {"not_a_cache/CACHEDIR.TAG", "not_a_cache/a.py"}
    assert set(reasons.values()) == {SkipReason.NEVER_SOURCE}
    assert set(reasons) == {"node_modules", "pkg/__pycache__", "env", "target", ".git", ".svn", ".hg"}


def test_an_ignore_file_can_want_what_is_never_source(folder_of: FolderOf, check: Check) -> None:
    root = folder_of("//- /.gitignore\n!node_modules/\n//- /node_modules/a.js\n")
    assert "node_modules/a.js" in check(root)[0]


def test_a_virtual_environment_that_is_opened_is_indexed(folder_of: FolderOf, check: Check) -> None:
    assert check(folder_of("//- /pyvenv.cfg\n//- /a.py\n"))[0] == {"a.py", "pyvenv.cfg"}


IGNORING = """\
//- /.gitignore
gen/
*.out
//- /gen/api/a.py
//- /gen/api/deep/b.py
//- /gen/api/.gitignore
*.tmp
//- /gen/api/c.tmp
//- /gen/api/node_modules/x.js
//- /gen/other/c.py
//- /target/CACHEDIR.TAG
Signature: 8a477f597d28d172789f06886806bc55
//- /target/doc/a.md
//- /a.out
//- /b.out
//- /a.py
"""


@pytest.mark.parametrize(
    ("include", "more"),
    [
        ((), set()),
        (("a.out",), {"a.out"}),
        (("*.out", "!b.out"), {"a.out"}),
        (("gen/api/",), {"gen/api/a.py", "gen/api/deep/b.py", "gen/api/.gitignore"}),
        (("/gen/api/*.py",), {"gen/api/a.py"}),
        (("gen/**/*.py",), {"gen/api/a.py", "gen/api/deep/b.py", "gen/other/c.py"}),
        # Without a slash, a pattern does not open ignored directories: it would open all of them.
        (("c.py",), set()),
        (("target/doc/a.md",), {"target/doc/a.md"}),
        (("node_modules/**", "gen/api/node_modules/x.js"), {"gen/api/node_modules/x.js"}),
    ],
)
def test_include_lifts(folder_of: FolderOf, check: Check, include: tuple[str, ...], more: set[str]) -> None:
    assert check(folder_of(IGNORING), include=include)[0] == {".gitignore", "a.py"} | more


def test_exclude_is_stronger_than_include(folder_of: FolderOf, check: Check) -> None:
    root = folder_of("//- /a.py\n//- /b.py\n//- /docs/c.py\n")
    assert check(root, include=("*.py",), exclude=("a.py", "docs/"))[0] == {"b.py"}


def test_hidden_names_can_be_left_out(folder_of: FolderOf, check: Check) -> None:
    root = folder_of("//- /.github/ci.yml\n//- /.dot/a\n//- /.editorconfig\n//- /a.py\n")
    assert len(check(root)[0]) == 4
    listed, reasons = check(root, hidden=False, include=(".github/*.yml",))
    assert listed == {"a.py", ".github/ci.yml"}
    assert reasons == {".dot": "hidden", ".editorconfig": "hidden"}


def test_no_include_lifts_secrets(folder_of: FolderOf, check: Check) -> None:
    root = folder_of("//- /.env\n//- /.env.example\n//- /.ssh/config\n//- /deploy/Server.PEM\n")
    listed, reasons = check(root, include=("**/*", ".env", ".ssh/**"))
    assert listed == {".env.example"}
    assert reasons == {".env": "secret", ".ssh": "secret", "deploy/Server.PEM": "secret"}


def test_large_files_are_skipped_unread(tmp_path: Path, check: Check) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(200_000_000)
    assert check(tmp_path)[1] == {"big": "too_large"}
    assert check(tmp_path, max_file_bytes=200_000_000)[0] == {"big"}


def test_links_are_counted_and_not_followed(tmp_path: Path, check: Check) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    touch(root, "src/a.py")
    touch(outside, "b.py")
    links = {
        "file": "src/a.py",
        "directory": "src",
        "gone": "nowhere",
        "itself": "itself",
        "src/up": "..",
        "away": str(outside),
        "away.py": str(outside / "b.py"),
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    listed, reasons = check(root)
    assert listed == {"src/a.py"}
    assert reasons == {
        "file": "symlink",
        "directory": "symlink",
        "gone": "broken_symlink",
        "itself": "symlink_loop",
        "src/up": "symlink_loop",
        "away": "outside",
        "away.py": "outside",
    }


def test_followed_links_end(tmp_path: Path, check: Check) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    touch(root, "src/a.py")
    touch(outside, "b.py", "sub/c.py", ".ssh/d", "sub/ignored.log")
    (root / ".gitignore").write_text("*.log\n/skipped/\n/skipped2\n")
    for place, target in {
        root / "away": outside,
        root / "skipped": outside,
        root / "skipped2": outside,
        root / "inside": root / "src",
        root / "above": tmp_path,
        root / "keys": outside / ".ssh",
        outside / "again": outside,
        outside / "other": outside / "sub",
        outside / "root": root,
    }.items():
        place.symlink_to(target)
    listed, reasons = check(root, follow_symlinks=True)
    assert listed == {".gitignore", "src/a.py", "away/b.py", "away/sub/c.py"}
    assert reasons == {
        "inside": "symlink",
        "above": "symlink_loop",
        "keys": "secret",
        "skipped": "ignored",
        "skipped2": "ignored",
        "away/.ssh": "secret",
        "away/again": "symlink_loop",
        "away/other": "symlink",
        "away/root": "symlink",
        "away/sub/ignored.log": "ignored",
    }


def test_an_ignored_link_is_ignored(folder_of: FolderOf, check: Check) -> None:
    root = folder_of("//- /.gitignore\nlink\n")
    (root / "link").symlink_to(root / ".gitignore")
    assert check(root)[1] == {"link": "ignored"}


def test_what_is_no_file_is_skipped(tmp_path: Path, check: Check) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert check(tmp_path)[1] == {"pipe": "not_regular", "s": "not_regular"}


@pytest.mark.parametrize(
    "name", ["new\nline.py", "tab\t.py", " ", "caf\udce9.py", "ü" * 120, "-", "*", "a\\b", "\x7f"]
)
def test_odd_names_are_indexed(tmp_path: Path, check: Check, name: str) -> None:
    (tmp_path / name).write_text("x")
    assert check(tmp_path)[0] == {name}


@pytest.mark.parametrize("path", ["", ".", "..", "../a", "/etc/passwd", "a//b", "a/../b", "a\0b", "./a"])
def test_only_paths_below_the_folder_are_admitted(tmp_path: Path, path: str) -> None:
    admitted = Scope(tmp_path, ScopeSettings()).admit(path)
    assert isinstance(admitted, Skipped)
    assert admitted.reason == SkipReason.OUTSIDE


def test_repositories_below_the_folder_are_told(tmp_path: Path) -> None:
    for path in (
        ".git/HEAD",
        "a.py",
        "own/.git/HEAD",
        "own/b.py",
        "deep/tree/.git",
        "deep/tree/c.py",
        "plain/d.py",
    ):
        touch(tmp_path, path)
    assert sorted(Scope(tmp_path, ScopeSettings()).walk().repositories) == ["deep/tree", "own"]


def test_admit_tells_directories_and_missing_files_apart(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.py")
    scope = Scope(tmp_path, ScopeSettings())
    reasons = {path: scope.admit(path) for path in ("a", "a/c.py", "x/y.py", "a/b.py/c")}
    assert {path: skip.reason for path, skip in reasons.items() if isinstance(skip, Skipped)} == {
        "a": "not_regular",
        "a/c.py": "unreadable",
        "x/y.py": "unreadable",
        "a/b.py/c": "unreadable",
    }


def test_admit_goes_by_the_ignore_files_of_now(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.py")
    scope = Scope(tmp_path, ScopeSettings())
    scope.walk()
    (tmp_path / "a" / ".gitignore").write_text("*.py")
    admitted = scope.admit("a/b.py")
    assert isinstance(admitted, Skipped)
    assert admitted.reason == SkipReason.IGNORED


def test_a_directory_that_vanishes_or_refuses_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "gone/a.py", "locked/a.py", "b.py")
    real = os.scandir
    faults = {"gone": FileNotFoundError(2, "gone"), "locked": PermissionError(13, "Permission denied")}

    def scandir(path: str) -> Any:
        if fault := faults.get(Path(path).name):
            raise fault
        return real(path)

    monkeypatch.setattr(files.os, "scandir", scandir)
    walk = Scope(tmp_path, ScopeSettings()).walk()
    assert [entry.path for entry in walk.entries] == ["b.py"]
    assert walk.skipped == [
        Skipped("gone", SkipReason.UNREADABLE, "vanished"),
        Skipped("locked", SkipReason.UNREADABLE, "Permission denied"),
    ]


def test_a_directory_that_may_not_be_listed_admits_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "locked/a.py")
    # Tests may run as root, whom no permission stops.
    monkeypatch.setattr(files.os, "access", lambda path, _: Path(path).name != "locked")
    admitted = Scope(tmp_path, ScopeSettings()).admit("locked/a.py")
    assert isinstance(admitted, Skipped)
    assert admitted.reason == SkipReason.UNREADABLE


def test_a_path_too_long_is_counted(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=descriptor)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    (skip,) = Scope(tmp_path, ScopeSettings()).walk().skipped
    assert skip.reason == SkipReason.UNREADABLE


def test_a_missing_folder_is_an_error_and_not_empty(tmp_path: Path) -> None:
    scope = Scope(tmp_path / "gone", ScopeSettings())
    with pytest.raises(FolderUnreadableError, match="gone"):
        scope.walk()


def test_a_cancelled_walk_returns_nothing(tmp_path: Path) -> None:
    touch(tmp_path, "a/a.py", "b/b.py")
    answers = iter([False, True])
    with pytest.raises(WalkCancelledError):
        Scope(tmp_path, ScopeSettings()).walk(lambda: next(answers))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("src/a.py", None),
        ("src/new.py", None),
        ("new/deep/new.py", None),
        ("src/big.py", None),
        ("src/new.log", SkipReason.IGNORED),
        ("src/new/b.log", SkipReason.IGNORED),
        ("build/new/a.py", SkipReason.IGNORED),
        ("env/lib/new.py", SkipReason.NEVER_SOURCE),
        (".env", SkipReason.SECRET),
        ("new/.ssh/config", SkipReason.SECRET),
        ("../a.py", SkipReason.OUTSIDE),
    ],
)
def test_a_text_that_is_not_saved_yet_is_judged_as_if_it_were(
    folder_of: FolderOf, path: str, reason: SkipReason | None
) -> None:
    root = folder_of(
        "//- /.gitignore\nbuild/\n//- /src/.gitignore\n*.log\n//- /src/a.py\n//- /env/pyvenv.cfg\n"
    )
    with (root / "src" / "big.py").open("wb") as file:
        file.truncate(2_000_000)
    skip = Scope(root, ScopeSettings()).admit_text(path)
    assert (skip.reason if skip else None) == reason
    assert skip is None or skip.path == path
