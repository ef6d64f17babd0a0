"""Which files belong to an index, and why the others do not.

Rules, strongest first. The first that says something about a name decides; inside one ignore file the
last pattern does:

1. Secrets (`secrecy.py`) and version control directories: no setting lifts them.
2. `exclude`, then `include` of the settings. `include` lifts everything below, for a file or directory.
3. `.conexusignore`, `.ignore`, `.gitignore`; of one kind, the file nearest to the name first.
4. `.git/info/exclude`, then git's global excludes.
5. `_NEVER_SOURCE`: directories that are never somebody's own code.

As in git, what lies in an ignored directory is not looked at, except where an `include` pattern with a
slash in it leads there. Ignore files above the folder count up to the top of its git repository. A git
repository inside another one goes by its own `.gitignore` files.
"""

from __future__ import annotations

import errno
import os
import stat
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from conexus.domain import ConexusError
from conexus.workspace import gitconfig, ignore
from conexus.workspace.secrecy import is_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from conexus.settings import ScopeSettings
    from conexus.workspace.ignore import Patterns

IGNORE_FILES = (".gitignore", ".ignore", ".conexusignore")
"""Names of the files whose change may change what belongs to the index; later ones are stronger."""

_VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})
_CACHE_TAG, _VENV_TAG = "CACHEDIR.TAG", "pyvenv.cfg"
# The first bytes a tag must have, from the Cache Directory Tagging Specification.
_CACHE_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"
# The weakest rule, so that a negated pattern in any ignore file lifts it. Kept short: most tools tag or
# ignore what they generate by themselves.
_NEVER_SOURCE = (
    "node_modules/\nbower_components/\n__pycache__/\n.mypy_cache/\n.pytest_cache/\n.ruff_cache/\n"
    ".tox/\n.nox/\n.eggs/\n.gradle/\n.terraform/\n"
)


class SkipReason(StrEnum):
    """Why a file, or a directory with all in it, does not belong to the index."""

    IGNORED = "ignored"
    NEVER_SOURCE = "never_source"
    """Version control, dependencies, caches and virtual environments, without an ignore file's help."""
    HIDDEN = "hidden"
    SECRET = "secret"  # noqa: S105 - the name of a reason, not a secret
    TOO_LARGE = "too_large"
    BINARY = "binary"
    MINIFIED = "minified"
    GENERATED = "generated"
    UNDECODABLE = "undecodable"
    UNREADABLE = "unreadable"
    """The operating system refused, or the file vanished between listing and reading."""
    BROKEN_SYMLINK = "broken_symlink"
    SYMLINK = "symlink"
    """A link to what is indexed at its own place, or to a directory while links are not followed."""
    SYMLINK_LOOP = "symlink_loop"
    OUTSIDE = "outside"
    """A path or link that leaves the folder."""
    NOT_REGULAR = "not_regular"
    HUNG = "hung"
    """Parsing did not end; the file is left alone until it changes."""


@frozen
class Entry:
    """A file that belongs to the index, unless its content says otherwise."""

    path: str
    size: int
    mtime_ns: int


@frozen
class Skipped:
    """A file, or a directory with all in it, that does not belong, and why."""

    path: str
    reason: SkipReason
    detail: str = ""


@frozen
class Walk:
    """All of a folder, each list in order of paths."""

    entries: list[Entry]
    """What belongs, without files that whoever asked for the walk found settled."""
    skipped: list[Skipped]
    directories: list[str] = field(factory=list)
    """Directories that were listed, "" for the folder itself; in no order."""
    repositories: list[str] = field(factory=list)
    """Those of them, below the folder itself, that git keeps as a repository or working tree of their own."""


class FolderUnreadableError(ConexusError):
    """The folder itself cannot be listed. To call it empty would throw its index away."""

    def __init__(self, root: Path, error: OSError) -> None:
        reason = error.strerror or str(error)
        super().__init__(f"cannot read the folder {root}: {reason}; check that it exists and may be read")


class WalkCancelledError(ConexusError):
    """The caller cancelled. There is no half a Walk, because files missing from one count as deleted."""

    def __init__(self, root: Path) -> None:
        super().__init__(f"listing {root} was cancelled; nothing was changed, run it again")


@frozen
class _Rule:
    """An ignore file in force, for paths relative to the root."""

    patterns: Patterns
    rank: int
    """Strength by kind of file; equal ranks keep the nearest directory first."""
    start: int
    """Length of the part of a path that lies above the ignore file."""
    lead: str = ""
    """What comes before the path, if the ignore file lies above the root."""
    reason: SkipReason = SkipReason.IGNORED
    source: str = ""


@frozen
class _Place:
    """A directory and the rules in force for what it holds."""

    path: str
    """Relative to the root; empty, or with a slash at the end."""
    rules: tuple[_Rule, ...]
    only_included: bool = False
    """Ignored itself, and open because an include pattern leads into it."""
    lifted: bool = False
    """An include pattern matched it or a directory above."""
    linked: bool = False
    """Reached through a link; links in it are not followed, so no loop or thicket of links is possible."""


_RANK_NEVER, _RANK_GLOBAL, _RANK_INFO = 0, 1, 2
_RANKED_FILES = tuple(enumerate(IGNORE_FILES, 3))
_RANK_OTHER_FILES = frozenset(rank for rank, name in _RANKED_FILES if name != ".gitignore")


_SETTLED = Entry("", 0, 0)
"""Stands for each file that is not listed, because whoever walks knows it as it is."""


class Scope:
    """Says which files under `root` belong to the index. Safe to use from several threads."""

    def __init__(self, root: Path, settings: ScopeSettings) -> None:
        self._root = root
        self._real = os.path.realpath(root)
        self._settings = settings
        self._exclude = ignore.parse("\n".join(settings.exclude))
        self._include = ignore.parse("\n".join(settings.include))
        self._leads = ignore.parse("\n".join(ignore.leads(settings.include)))
        self._ignore_case = False
        self._outer = self._rules_above()

    def walk(
        self,
        cancel: Callable[[], bool] | None = None,
        settled: Callable[[str, int, int], bool] | None = None,
    ) -> Walk:
        """Return every file that belongs, and what was skipped; nothing inside the folder makes it raise.

        `cancel` is asked once per directory. `settled` is told path, size and mtime_ns of each file that belongs;
        those it returns True for are not listed, so that nothing is kept of them. Raises FolderUnreadableError and
        WalkCancelledError.
        """
        self._outer = self._rules_above()
        entries: list[Entry] = []
        skipped: list[Skipped] = []
        listed: list[tuple[str, bool]] = []
        places = [_Place("", self._outer)]
        while places:
            if cancel and cancel():
                raise WalkCancelledError(self._root)
            place = places.pop()
            try:
                with os.scandir(self._absolute(place.path)) as listing:
                    found = {item.name: item for item in listing}
            except OSError as error:
                if not place.path:
                    raise FolderUnreadableError(self._root, error) from error
                skipped.append(_unreadable(place.path[:-1], error))
                continue
            opened = self._open(place, found)
            if isinstance(opened, Skipped):
                skipped.append(opened)
                continue
            listed.append((place.path.removesuffix("/"), ".git" in found))
            for item in found.values():
                outcome = self._judge(opened, item, settled)
                if isinstance(outcome, Skipped):
                    skipped.append(outcome)
                elif isinstance(outcome, _Place):
                    places.append(outcome)
                elif outcome is not _SETTLED:
                    entries.append(outcome)
        entries.sort(key=attrgetter("path"))
        skipped.sort(key=attrgetter("path"))
        repositories = [directory for directory, is_repository in listed if directory and is_repository]
        return Walk(entries, skipped, [directory for directory, _ in listed], repositories)

    def admit(self, path: str) -> Entry | Skipped:
        """Say about one path what a walk would; what lies in a skipped directory has its reason.

        Rules above the folder are those of the last walk. A directory that would be walked is
        NOT_REGULAR.
        """
        parts = path.split("/")
        if "\0" in path or Path(path).is_absolute() or not {"", ".", ".."}.isdisjoint(parts):
            return Skipped(path, SkipReason.OUTSIDE, "not a path below the folder")
        found = self._find(parts)
        if isinstance(found, Skipped):
            return evolve(found, path=path)
        if isinstance(found, _Place):
            return Skipped(path, SkipReason.NOT_REGULAR, "a directory")
        return (
            found if found.path == path else Skipped(path, SkipReason.UNREADABLE, f"{found.path} is a file")
        )

    def _find(self, parts: list[str]) -> Entry | Skipped | _Place:
        """Go down to a path and return what became of it, or of the first name that ends the way."""
        found: Entry | Skipped | _Place = self._enter(_Place("", self._outer))
        for name in parts:
            if not isinstance(found, _Place):
                break
            outcome = self._judge(found, _Named(self._absolute(found.path), name))
            found = self._enter(outcome) if isinstance(outcome, _Place) else outcome
        return found

    def admit_text(self, path: str) -> Skipped | None:
        """Return why an editor's text of `path` does not belong, or None; the file need not exist yet."""
        outcome = self.admit(path)
        if isinstance(outcome, Entry):
            return None
        if outcome.reason is SkipReason.TOO_LARGE:
            return None  # on disk; the text is measured by itself
        if outcome.reason is not SkipReason.UNREADABLE or os.path.lexists(self._absolute(path)):
            return outcome
        return self._admit_imagined(path.split("/"))

    def _admit_imagined(self, parts: list[str]) -> Skipped | None:
        path = "/".join(parts)
        place = _Place("", self._outer)
        for depth, name in enumerate(parts, 1):
            directory = self._absolute(place.path)
            if os.path.isdir(directory):  # noqa: PTH112 - `directory` is a string for speed elsewhere
                opened = self._enter(place)
                if isinstance(opened, Skipped):
                    return evolve(opened, path=path)
                place = opened
            outcome = self._judge(place, _Imagined(name, is_directory=depth < len(parts)))
            if isinstance(outcome, Skipped):
                return evolve(outcome, path=path)
            if isinstance(outcome, _Place):
                place = outcome
        return None

    def _absolute(self, path: str) -> str:
        return os.path.join(self._root, path)  # noqa: PTH118 - Path drops the slash at the end, and is slow

    def _enter(self, place: _Place) -> _Place | Skipped:
        """Open a directory without listing it."""
        directory = self._absolute(place.path)
        if not os.access(directory, os.R_OK | os.X_OK):
            return Skipped(place.path[:-1], SkipReason.UNREADABLE, "no permission to list it")
        return self._open(place, _Names(directory))

    def _open(self, place: _Place, names: Container[str]) -> _Place | Skipped:
        """Return `place` with the rules of its own ignore files, or why it is not entered after all."""
        if place.path and not (place.lifted or place.only_included):
            tag = self._tag(place.path, names)
            if tag and not self._leads_to(place.path):
                return Skipped(place.path[:-1], SkipReason.NEVER_SOURCE, f"has a {tag}")
            place = evolve(place, only_included=bool(tag))
        rules = place.rules
        start = len(place.path)
        if place.path and ".git" in names:
            repository = gitconfig.repository_at(Path(self._absolute(place.path)))
            if repository:
                rules = tuple(r for r in rules if r.rank in {_RANK_NEVER, *_RANK_OTHER_FILES})
                rules = _ordered([*self._git_rules(repository, start), *rules])
        own = [
            self._file_rule(rank, name, place.path, start) for rank, name in _RANKED_FILES if name in names
        ]
        if any(own) or rules is not place.rules:
            rules = _ordered([*(rule for rule in own if rule), *rules])
            return evolve(place, rules=rules)
        return place

    def _tag(self, path: str, names: Container[str]) -> str:
        """Return the name of the file that marks a directory as a cache or a virtual environment."""
        if _VENV_TAG in names:
            return _VENV_TAG
        if _CACHE_TAG in names:
            text = gitconfig.read_text(Path(self._absolute(path), _CACHE_TAG))
            return _CACHE_TAG if text.startswith(_CACHE_SIGNATURE) else ""
        return ""

    def _judge(
        self,
        place: _Place,
        item: os.DirEntry[str] | _Named | _Imagined,
        settled: Callable[[str, int, int], bool] | None = None,
    ) -> Entry | Skipped | _Place:
        """Say what becomes of one name in an open directory: _SETTLED of a file that is `settled`."""
        name = item.name
        path = place.path + name
        # In any case of letters: some file systems find `.git` by `.GIT`.
        if name.lower() in _VERSION_CONTROL:
            return Skipped(path, SkipReason.NEVER_SOURCE, "version control")
        if is_secret(name):
            return Skipped(path, SkipReason.SECRET, "on the deny list, whatever the settings say")
        try:
            if item.is_dir(follow_symlinks=False):
                return self._ruled(place, name, path, is_directory=True) or evolve(place, path=path + "/")
            if item.is_symlink():
                return self._judge_link(place, name, path)
            ruled = self._ruled(place, name, path, is_directory=False)
            return ruled or self._judge_file(path, item.stat(follow_symlinks=False), settled)
        except OSError as error:
            return _unreadable(path, error)

    def _judge_file(
        self, path: str, status: os.stat_result, settled: Callable[[str, int, int], bool] | None
    ) -> Entry | Skipped:
        if not stat.S_ISREG(status.st_mode):
            return Skipped(path, SkipReason.NOT_REGULAR)
        if status.st_size > self._settings.max_file_bytes:
            return Skipped(path, SkipReason.TOO_LARGE, f"{status.st_size} bytes")
        if settled is not None and settled(path, status.st_size, status.st_mtime_ns):
            return _SETTLED
        return Entry(path, status.st_size, status.st_mtime_ns)

    def _ruled(self, place: _Place, name: str, path: str, *, is_directory: bool) -> Skipped | _Place | None:
        """Return why the rules skip a name; for a directory perhaps how it is walked; None if they do not."""
        if is_directory:
            name, path = name + ignore.DIRECTORY_MARK, path + ignore.DIRECTORY_MARK
        if self._exclude and self._exclude.verdict(name, path):
            return Skipped(_bare(path), SkipReason.IGNORED, "excluded by the settings")
        if self._include and self._include.verdict(name, path):
            return (
                _Place(_bare(path) + "/", (_NEVER_RULE,), lifted=True, linked=place.linked)
                if is_directory
                else None
            )
        skip = self._skip_of(place, name, path)
        if skip and is_directory and self._leads_to(path):
            return evolve(place, path=_bare(path) + "/", only_included=True)
        return skip

    def _skip_of(self, place: _Place, name: str, path: str) -> Skipped | None:
        if place.only_included:
            return Skipped(_bare(path), SkipReason.IGNORED, "in an ignored directory")
        for rule in place.rules:
            patterns = rule.patterns
            verdict = patterns.verdict(name, rule.lead + path[rule.start :] if patterns.has_paths else "")
            if verdict:
                return Skipped(_bare(path), rule.reason, rule.source)
            if verdict is not None:
                break
        if name[0] == "." and not self._settings.hidden:
            return Skipped(_bare(path), SkipReason.HIDDEN)
        return None

    def _leads_to(self, path: str) -> bool:
        """Return whether an include pattern may match something below the directory at `path`."""
        path = _bare(path).rstrip("/")
        mark = ignore.DIRECTORY_MARK
        return bool(self._leads and self._leads.verdict(path.rpartition("/")[2] + mark, path + mark))

    def _judge_link(self, place: _Place, name: str, path: str) -> Skipped | _Place:
        link = self._absolute(path)
        try:
            target = os.path.realpath(link, strict=True)
        except OSError as error:
            loop = error.errno == errno.ELOOP
            return Skipped(path, SkipReason.SYMLINK_LOOP if loop else SkipReason.BROKEN_SYMLINK)
        ruled = self._ruled(place, name, path, is_directory=False)
        if ruled:
            assert isinstance(ruled, Skipped)
            return ruled
        refusal = self._refusal(place, link, target)
        if refusal:
            return Skipped(path, refusal, f"links to {target}")
        place = evolve(place, linked=True)
        return self._ruled(place, name, path, is_directory=True) or evolve(place, path=path + "/")

    def _refusal(self, place: _Place, link: str, target: str) -> SkipReason | None:
        """Return why a link is not followed, or None if it is a directory to walk."""
        is_directory = os.path.isdir(target)  # noqa: PTH112 - `target` is a string for prefix tests
        if is_directory and _holds(target, os.path.realpath(os.path.dirname(link))):  # noqa: PTH120
            return SkipReason.SYMLINK_LOOP
        if _holds(self._real, target):
            return SkipReason.SYMLINK
        if not (is_directory and self._settings.follow_symlinks):
            return SkipReason.OUTSIDE
        if _holds(target, self._real):
            return SkipReason.SYMLINK_LOOP
        parts = Path(target).parts
        if any(part in _VERSION_CONTROL or is_secret(part) for part in parts):
            return SkipReason.SECRET
        return SkipReason.SYMLINK if place.linked else None

    def _rules_above(self) -> tuple[_Rule, ...]:
        """Return the rules that hold for the folder before any of its own files is read."""
        real = Path(self._real)
        repository = gitconfig.repository_of(real)
        self._ignore_case = gitconfig.ignores_case(repository)
        if not repository:
            return _ordered([*self._git_rules(None, 0), _NEVER_RULE])
        own = self._git_rules(repository, 0, _lead(repository.top, real))
        above: list[_Rule] = []
        directory = real
        while directory != repository.top:
            directory = directory.parent
            lead = _lead(directory, real)
            found = [self._file_rule(rank, name, str(directory), 0, lead) for rank, name in _RANKED_FILES]
            above += [rule for rule in found if rule]
        # Who opens an ignored directory asks for it: the rules that ignore it say nothing about its files.
        wanted = [rule for rule in (*above, *own) if not _ignores_root(rule)]
        return _ordered([*wanted, _NEVER_RULE])

    def _git_rules(self, repository: gitconfig.Repository | None, start: int, lead: str = "") -> list[_Rule]:
        texts = [(_RANK_GLOBAL, "git's global excludes", gitconfig.global_excludes(repository))]
        if repository:
            text = gitconfig.read_text(repository.common / "info" / "exclude")
            texts.append((_RANK_INFO, ".git/info/exclude", text))
        rules = [self._rule(text, rank, start, lead, source) for rank, source, text in texts]
        return [rule for rule in rules if rule]

    def _file_rule(self, rank: int, name: str, directory: str, start: int, lead: str = "") -> _Rule | None:
        file = Path(self._absolute(directory), name)
        # As in git, a link is not read: it could point anywhere.
        text = "" if file.is_symlink() else gitconfig.read_text(file)
        return self._rule(text, rank, start, lead, os.path.join(directory, name))  # noqa: PTH118 - relative

    def _rule(self, text: str, rank: int, start: int, lead: str, source: str) -> _Rule | None:
        patterns = ignore.parse(text, ignore_case=self._ignore_case)
        return _Rule(patterns, rank, start, lead, source=source) if patterns else None


_NEVER_RULE = _Rule(
    ignore.parse(_NEVER_SOURCE), _RANK_NEVER, 0, reason=SkipReason.NEVER_SOURCE, source="never source"
)


class _Names:
    """The names in a directory, asked for one by one."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def __contains__(self, name: object) -> bool:
        return os.path.lexists(f"{self._directory}/{name}")


class _Named:
    """One name in a directory, with what the walk asks of an `os.DirEntry`."""

    def __init__(self, directory: str, name: str) -> None:
        self.name = name
        self._path = os.path.join(directory, name)  # noqa: PTH118 - Path normalises odd names

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        return os.stat(self._path, follow_symlinks=follow_symlinks)  # noqa: PTH116 - as above

    def is_dir(self, *, follow_symlinks: bool) -> bool:
        return stat.S_ISDIR(self.stat(follow_symlinks=follow_symlinks).st_mode)

    def is_symlink(self) -> bool:
        return stat.S_ISLNK(self.stat(follow_symlinks=False).st_mode)


class _Imagined:
    """A name that is not on disk yet, judged as if it were."""

    def __init__(self, name: str, *, is_directory: bool) -> None:
        self.name = name
        self._is_directory = is_directory

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:  # noqa: ARG002 - as `os.DirEntry` has it
        return os.stat_result((stat.S_IFREG, 0, 0, 0, 0, 0, 0, 0, 0, 0))

    def is_dir(self, *, follow_symlinks: bool) -> bool:  # noqa: ARG002 - as above
        return self._is_directory

    def is_symlink(self) -> bool:
        return False


def _ordered(rules: list[_Rule]) -> tuple[_Rule, ...]:
    return tuple(sorted(rules, key=lambda rule: -rule.rank))


def _ignores_root(rule: _Rule) -> bool:
    parts = rule.lead.split("/")[:-1]
    mark = ignore.DIRECTORY_MARK
    return any(
        rule.patterns.verdict(part + mark, "/".join(parts[:depth]) + mark)
        for depth, part in enumerate(parts, 1)
    )


def _lead(directory: Path, below: Path) -> str:
    relative = below.relative_to(directory).as_posix()
    return "" if relative == "." else relative + "/"


def _holds(directory: str, path: str) -> bool:
    """Return whether the real `path` is the real `directory` or lies in it."""
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)


def _bare(path: str) -> str:
    return path.removesuffix(ignore.DIRECTORY_MARK)


def _unreadable(path: str, error: OSError) -> Skipped:
    vanished = isinstance(error, FileNotFoundError)
    return Skipped(path, SkipReason.UNREADABLE, "vanished" if vanished else error.strerror or str(error))
