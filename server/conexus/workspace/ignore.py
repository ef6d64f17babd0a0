"""Gitignore patterns as git reads them, compiled to two regular expressions a file.

The rules are those of git's `gitignore(5)` and, where the page is silent, of its `wildmatch.c` and
`dir.c`; tests hold them to `git check-ignore` on random patterns. One difference is meant: `?` and
`[…]` stand for a character, where git takes a byte of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# A directory's path ends in NUL, which no file name contains, so that one expression serves patterns for
# directories only (`build/`) and patterns for anything.
DIRECTORY_MARK = "\0"

_SPECIAL = re.compile(r"[*?\[\\]")
_STAR, _GLOBSTAR = "*", "**"
_NAME = r"[^/\0]"
_SLASH = re.compile(r"\\?/")
# Inside brackets: a named class, what may follow `x-` to end a range, and one character, perhaps escaped.
_CLASS = re.compile(r"\[:([^\]]*):\]")
_RANGE_END = re.compile(r"-(?:\\(.)|([^\]\\]))", re.DOTALL)
_MEMBER = re.compile(r"\\(.)|([^\\])", re.DOTALL)
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x01-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t-\r ",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class MalformedError(ValueError):
    """A pattern that, to git, matches nothing: an open bracket, a backslash at the end."""


@frozen
class Pattern:
    """One line of an ignore file, translated."""

    regex: str
    """Matches a base name if `is_name`, else a path relative to the ignore file."""
    is_name: bool
    negated: bool


class Patterns:
    """The patterns of one ignore file; the last that matches decides."""

    __slots__ = ("_names", "_paths", "_verdicts", "has_paths")

    def __init__(self, patterns: list[Pattern], *, ignore_case: bool = False) -> None:
        # Neighbours of one sign share a capturing group, strongest first, so the lowest group that matched
        # is the verdict. Regular expressions try alternatives in order, hence the reversal.
        runs = [(sign, list(run)) for sign, run in groupby(reversed(patterns), key=lambda p: p.negated)]
        self._verdicts = [None, *(not negated for negated, _ in runs)]
        flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
        self._names = _combined([[p.regex for p in run if p.is_name] for _, run in runs], flags)
        self._paths = _combined([[p.regex for p in run if not p.is_name] for _, run in runs], flags)
        self.has_paths = self._paths is not None

    def __bool__(self) -> bool:
        return len(self._verdicts) > 1

    def verdict(self, name: str, path: str) -> bool | None:
        """Return whether a file is matched, un-matched by a negation, or (None) not mentioned.

        `name` is its base name, `path` its path from the ignore file's directory (read only if
        `has_paths`); both end in `DIRECTORY_MARK` if it is a directory.
        """
        found = self._names(name) if self._names else None
        group = (found.lastindex or 0) if found else 0
        if self._paths and (found := self._paths(path)):
            other = found.lastindex or 0
            group = min(group, other) if group else other
        return self._verdicts[group]


@lru_cache(maxsize=4096)
def parse(text: str, *, ignore_case: bool = False) -> Patterns:
    """Return the patterns of an ignore file's `text`; false if it holds none."""
    patterns = [p for line in text.removeprefix("\ufeff").split("\n") if (p := pattern_of(line))]
    return Patterns(patterns, ignore_case=ignore_case)


def pattern_of(line: str) -> Pattern | None:
    """Return the pattern a line of an ignore file holds, or None for a comment or what matches nothing."""
    if line.startswith("#"):
        return None
    glob = _strip(line.removesuffix("\r").partition("\0")[0])
    negated = glob.startswith("!")
    glob = glob[negated:]
    only_directories = glob.endswith("/")
    glob = glob[: len(glob) - only_directories]
    is_name = "/" not in glob
    try:
        regex = _translate(glob.removeprefix("/"))
    except MalformedError:
        return None
    if not regex:
        return None
    return Pattern(regex + (r"\0" if only_directories else r"\0?"), is_name, negated)


def _strip(line: str) -> str:
    """Drop trailing spaces that no backslash protects."""
    kept = line.rstrip(" ")
    backslashes = len(kept) - len(kept.rstrip("\\"))
    return kept + " " if backslashes % 2 and len(kept) < len(line) else kept


def _combined(runs: list[list[str]], flags: int) -> Callable[[str], re.Match[str] | None] | None:
    if not any(runs):
        return None
    groups = (f"({'|'.join(run)})" if run else "((?!))" for run in runs)
    return re.compile("|".join(groups), flags).fullmatch


def _translate(glob: str) -> str:
    """Return the regular expression of `glob`, which matches a path without its directory mark.

    Every star but the last of its reach takes the leftmost match of what follows it and never gives it
    up (atomic groups): a later star can absorb whatever an earlier one left. So no pattern is slow.
    """
    first, *others = (_reach(tokens) for tokens in _split(list(_tokens(glob)), _GLOBSTAR))
    if not others:
        return first
    *middle, last = others
    atomic = (rf"(?>(?:[^\0]*?/)??{reach})" for reach in middle if reach)
    return first + "".join(atomic) + rf"(?:[^\0]*/)?{last}"


def _reach(tokens: list[str]) -> str:
    """Join tokens that hold no `**`: segments of a path, each with its own stars."""
    return "/".join(_segment(segment) for segment in _split(tokens, "/"))


def _segment(tokens: list[str]) -> str:
    first, *others = ("".join(chunk) for chunk in _split(tokens, _STAR))
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>{_NAME}*?{chunk})" for chunk in middle) + f"{_NAME}*{last}"


def _split(tokens: list[str], separator: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token == separator:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _tokens(glob: str) -> Iterator[str]:
    """Yield `/`, `_STAR`, `_GLOBSTAR` (with the slash after it) or a regular expression of one character."""
    special = _SPECIAL.search(glob)
    first_special = special.start() if special else len(glob)
    at = 0
    while at < len(glob):
        start, char = at, glob[at]
        at += 1
        if char == "*":
            while glob.startswith("*", at):
                at += 1
            # git matches the literal prefix of a pattern by itself, so `**` right after it is as good as
            # `**` at the start: `foo**/bar` matches `foo/a/bar`.
            free = at - start > 1 and (start == first_special or glob[start - 1] == "/")
            slash = _SLASH.match(glob, at)
            if free and slash:
                at = slash.end()
                yield _GLOBSTAR
            else:
                yield r"[^\0]*" if free and at == len(glob) else _STAR
        elif char == "[":
            regex, at = _bracket(glob, at)
            yield regex
        elif char == "\\":
            if at == len(glob):
                raise MalformedError
            yield "/" if glob[at] == "/" else re.escape(glob[at])
            at += 1
        else:
            yield _NAME if char == "?" else char if char == "/" else re.escape(char)


def _bracket(glob: str, at: int) -> tuple[str, int]:
    """Return the expression of the set whose `[` stands before `at`, and where the pattern goes on."""
    negated = glob[at : at + 1] in {"!", "^"}
    at += negated
    members: list[str] = []
    previous = ""  # A character that a `-` may make a range of.
    first = True
    while first or glob[at : at + 1] != "]":
        first = False
        if found := _CLASS.match(glob, at):
            if found[1] not in _CLASSES:
                raise MalformedError
            members.append(_CLASSES[found[1]])
            previous, at = "", found.end()
        elif previous and (found := _RANGE_END.match(glob, at)):
            low, high = previous, found[1] or found[2]
            if low <= high:
                members.append(f"{re.escape(low)}-{re.escape(high)}")
            previous, at = "", found.end()
        elif found := _MEMBER.match(glob, at):
            previous, at = found[1] or found[2], found.end()
            members.append(re.escape(previous))
        else:
            raise MalformedError
    return f"(?![/\\0])[{'^' * negated}{''.join(members)}]", at + 1


def leads(patterns: Sequence[str]) -> list[str]:
    """Return patterns of the directories through which `patterns` with a slash in them can be reached."""
    found: list[str] = []
    for pattern in patterns:
        if pattern.startswith(("#", "!")):
            continue
        parts = pattern.strip().strip("/").split("/")
        for depth, part in enumerate(parts[:-1], 1):
            found.append(f"/{'/'.join(parts[:depth])}/")
            if part == "**":
                break
    return found
