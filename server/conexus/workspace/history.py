"""What git knows of a folder: where it stands, its commits, who wrote which line; nothing where there is no git."""

from __future__ import annotations

import logging
import os
import re
import subprocess
from typing import TYPE_CHECKING

from attrs import frozen

from conexus.workspace.secrecy import redact
from conexus.workspace.tickets import in_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_log = logging.getLogger(__name__)

_SECONDS = 20.0
_MOST_BRANCHES = 300
_FIELD, _MARK = "\x1f", "\x1e"
_FORMAT = f"--format={_MARK}%H{_FIELD}%ct{_FIELD}%an{_FIELD}%P{_FIELD}%B{_FIELD}"
_BLAMED = re.compile(rb"^([0-9a-f]{40,64}) \d+ (\d+)(?: \d+)?$")
# Variables by which git would look at another repository than the folder's, as when a hook started us.
_MISLEADING = re.compile(r"GIT_(?!SSL|SSH|EXEC_PATH|CEILING|DISCOVERY|CONFIG)")


@frozen
class Position:
    """Where a folder stands in its repository."""

    head: str
    """The id of the commit that is checked out."""
    branch: str
    """Empty if none is checked out."""
    shallow: bool
    """Whether commits before some point are missing."""


@frozen
class Branch:
    """A branch, local or of a remote."""

    name: str
    """Without the remote's name."""
    tip: str


@frozen
class Commit:
    """One commit."""

    id: str
    time: int
    """When it was committed, in seconds since 1970."""
    author: str
    subject: str
    tickets: tuple[str, ...]
    is_merge: bool
    paths: tuple[str, ...]
    """What it changed, relative to the folder; a merge against its first parent."""


@frozen
class Blamed:
    """Consecutive lines that one commit wrote last."""

    start_line: int
    end_line: int
    commit: str
    """Empty for lines that are not committed."""


def position(root: Path) -> Position | None:
    """Return where `root` stands; None without git, repository or commit."""
    said = _git(root, "rev-parse", "HEAD", "--is-shallow-repository", "--symbolic-full-name", "HEAD").split(
        "\n"
    )
    if len(said) < 3 or not said[0]:
        return None
    name = said[2]
    branch = name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else ""
    return Position(said[0], branch, said[1] == "true")


def recent(root: Path, tip: str, limit: int, *, without: Sequence[str] = ()) -> list[str]:
    """Return the ids of the newest `limit` commits that `tip` has and none of `without`, newest first."""
    excluded = ["--not", *without] if without else []
    return _git(root, "rev-list", f"-n{limit}", tip, *excluded, "--").split()


def branches(root: Path) -> list[Branch]:
    """Return the branches that changed last, newest first."""
    said = _git(
        root, "for-each-ref", f"--count={_MOST_BRANCHES}", "--sort=-committerdate",
        "--format=%(objectname) %(refname)", "refs/heads", "refs/remotes",
    )  # fmt: skip
    found = (line.partition(" ") for line in said.splitlines())
    return [Branch(_short(name), tip) for tip, _, name in found if not name.endswith("/HEAD")]


def default_branch(root: Path) -> str:
    """Return the full name of the branch that others start from; empty if there is none that looks so."""
    said = _git(root, "symbolic-ref", "-q", "refs/remotes/origin/HEAD").strip()
    known = ["refs/heads/main", "refs/heads/master", "refs/remotes/origin/main", "refs/remotes/origin/master"]
    there = _git(root, "for-each-ref", "--format=%(refname)", *known).split()
    return said or next((name for name in known if name in there), "")


def commits(root: Path, ids: Sequence[str]) -> Iterator[Commit]:
    """Yield these commits, as far as they are there."""
    # Nothing of a repository's own configuration may start a program here.
    said = _git(
        root, "log", "-z", "--no-walk=unsorted", "--stdin", "--name-only", "--relative", "--no-renames",
        "--diff-merges=first-parent", "--no-show-signature", "--no-ext-diff", "--no-textconv", _FORMAT,
        given="\n".join(ids),
    )  # fmt: skip
    for record in said.split(_MARK)[1:]:
        fields = record.split(_FIELD)
        if len(fields) >= 6:
            yield _commit(fields[:4], message=_FIELD.join(fields[4:-1]), names=fields[-1])


def _commit(fields: Sequence[str], message: str, names: str) -> Commit:
    number, time, author, parents = fields
    message = redact(message.encode("utf-8", "surrogateescape"))[0].decode("utf-8", "replace").strip()
    return Commit(
        id=number,
        time=int(time),
        author=author.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        subject=message.partition("\n")[0],
        tickets=in_message(message),
        is_merge=" " in parents,
        # Names end with a NUL, so that they may hold anything; what is left of the message's end goes.
        paths=tuple(name for part in names.split("\0") if (name := part.removeprefix("\n"))),
    )


def blame(root: Path, path: str, first: int, last: int, text: bytes | None = None) -> list[Blamed]:
    """Return who wrote lines `first` to `last` of `path` last, by `text` if that is not what is on disk.

    Empty where git does not know the file.
    """
    contents = ["--contents", "-"] if text is not None else []
    said = _git_bytes(
        root, "blame", "--porcelain", f"-L{first},{last}", *contents, "--", path, given=text or b""
    )  # fmt: skip
    found: list[Blamed] = []
    for line in said.split(b"\n"):
        blamed = _BLAMED.match(line)
        if blamed is None:
            continue
        commit, number = blamed[1].decode("ascii"), int(blamed[2])
        commit = commit.strip("0") and commit
        if found and found[-1].commit == commit and found[-1].end_line == number - 1:
            found[-1] = Blamed(found[-1].start_line, number, commit)
        else:
            found.append(Blamed(number, number, commit))
    return found


def _short(name: str) -> str:
    if name.startswith("refs/remotes/"):
        return name.removeprefix("refs/remotes/").partition("/")[2]
    return name.removeprefix("refs/heads/")


def _git(root: Path, *arguments: str, given: str = "") -> str:
    return _git_bytes(root, *arguments, given=given.encode("ascii")).decode("utf-8", "surrogateescape")


def _git_bytes(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    """Return what git prints; nothing where it is not there, fails or takes too long."""
    quiet = ["-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "log.showSignature=false"]
    try:
        done = subprocess.run(
            ["git", *quiet, *arguments],
            cwd=root,
            input=given,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=dict(_environment()),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.info("git %s in %s: %s", arguments[0], root, error)
        return b""
    return done.stdout if done.returncode == 0 else b""


def _environment() -> Iterable[tuple[str, str]]:
    for name, value in os.environ.items():
        if not _MISLEADING.match(name):
            yield name, value
    yield "GIT_OPTIONAL_LOCKS", "0"
    # A partial clone must not fetch what it lacks: nothing leaves the machine.
    yield "GIT_NO_LAZY_FETCH", "1"
    yield "LC_ALL", "C"
