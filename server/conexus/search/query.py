"""What was typed → what to look for. Pure, and no text is ever an error."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from attrs import frozen

from conexus.embedding.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Intent(StrEnum):
    """What kind of answer is wanted."""

    SYMBOL = "symbol"
    PATH = "path"
    PROSE = "prose"


@frozen
class SearchRequest:
    """A question as a door received it."""

    text: str
    limit: int = 10
    paths: tuple[str, ...] = ()
    """Globs or plain parts of paths; a hit matches one of them, if any are given."""
    exclude_paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    explain: bool = False


@frozen
class Filters:
    """Which files and kinds may answer."""

    paths: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    languages: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    @property
    def by_file(self) -> bool:
        """Return whether any filter looks at the file."""
        return bool(self.paths or self.exclude_paths or self.languages)

    def admits(self, path: str, language: str) -> bool:
        """Return whether a file may answer."""
        if self.languages and language not in self.languages:
            return False
        if any(_matcher(pattern)(path) for pattern in self.exclude_paths):
            return False
        return not self.paths or any(_matcher(pattern)(path) for pattern in self.paths)


@frozen
class Query:
    """A planned question."""

    text: str
    """What is left when the filters are taken out."""
    words: tuple[str, ...]
    """Its words in order, without those that carry nothing in a question."""
    identifiers: tuple[str, ...]
    """Names in it that look like code: ``HttpClient.send``, ``max_size``."""
    intent: Intent
    filters: Filters
    limit: int
    wants_tests: bool
    """Whether the question asks for tests, which otherwise rank below what they test."""


# "how does the client retry" asks about client and retry. Only words that question code rarely turns on.
_EMPTY_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "is",
        "are",
        "be",
        "been",
        "was",
        "were",
        "for",
        "on",
        "at",
        "by",
        "with",
        "from",
        "and",
        "or",
        "as",
        "it",
        "its",
        "this",
        "that",
        "these",
        "those",
        "how",
        "what",
        "where",
        "when",
        "which",
        "who",
        "why",
        "do",
        "does",
        "did",
        "can",
        "could",
        "should",
        "would",
        "i",
        "we",
        "you",
        "my",
        "our",
        "your",
        "there",
        "code",
        "function",
        "method",
        "implementation",
        "implement",
        "implemented",
        "logic",
        "file",
        "files",
        "defined",
        "definition",
        "handle",
        "handled",
        "handles",
    ]
)
_FILTER = re.compile(r"(?<!\S)(-?)(path|file|lang|language|kind):(\"[^\"]*\"|\S+)", re.IGNORECASE)
_IDENTIFIER = re.compile(
    r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|#|/)[A-Za-z_$][\w$]*)+"  # qualified
    r"|[A-Za-z]\w*_\w+|_\w+"  # snake_case
    r"|[a-z]+[0-9]*[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*|[A-Z]{2,}[a-z]\w*"  # camelCase
)
_PATH_LIKE = re.compile(r"[\w.@+-]+/[\w./@+-]*|[\w-]+\.[A-Za-z][A-Za-z0-9]{0,4}")
_ONE_NAME = re.compile(r"[A-Za-z_$@][\w$]*(?:(?:\.|::|->|#)[\w$]+)*(?:\(\))?[?!]?")
# Only a question about tests turns their penalty around: in a test framework every question says "test".
_ASKS_FOR_TESTS = re.compile(
    r"\b(?:tests?|specs?|fixtures?) (?:for|of|that|cover\w*|about)\b|\bunit tests?\b|\btest cases?\b|\btested\b",
    re.IGNORECASE,
)
_LANGUAGE_NAMES = {
    "py": "python", "js": "javascript", "ts": "typescript", "rs": "rust", "rb": "ruby", "kt": "kotlin",
    "c++": "cpp", "cs": "csharp", "c#": "csharp", "sh": "bash", "shell": "bash", "md": "markdown", "hs": "haskell",
    "ex": "elixir", "golang": "go", "yml": "yaml",
}  # fmt: skip


def plan(request: SearchRequest) -> Query:
    """Return the query that `request` asks: inline filters taken out, words split, intent judged."""
    inline: dict[str, list[str]] = {}

    def take(match: re.Match[str]) -> str:
        name = match[1] + {"file": "path", "language": "lang"}.get(match[2].lower(), match[2].lower())
        inline.setdefault(name, []).append(match[3].strip('"'))
        return " "

    text = " ".join(_FILTER.sub(take, request.text).split())
    found = words(text)
    telling = tuple(word for word in found if word not in _EMPTY_WORDS) or tuple(found)
    return Query(
        text=text,
        words=telling,
        identifiers=tuple(dict.fromkeys(_IDENTIFIER.findall(text))),
        intent=_intent(text),
        filters=_filters(request, inline),
        limit=request.limit,
        wants_tests=_ASKS_FOR_TESTS.search(text) is not None,
    )


def _intent(text: str) -> Intent:
    if _ONE_NAME.fullmatch(text) and not _is_file_name(text):
        return Intent.SYMBOL
    if _PATH_LIKE.fullmatch(text):
        return Intent.PATH
    return Intent.PROSE


def _is_file_name(text: str) -> bool:
    stem, dot, suffix = text.rpartition(".")
    return bool(dot and stem) and suffix in _FILE_SUFFIXES


_FILE_SUFFIXES = frozenset(
    [
        "py",
        "pyi",
        "js",
        "jsx",
        "mjs",
        "ts",
        "tsx",
        "java",
        "kt",
        "scala",
        "go",
        "rs",
        "c",
        "h",
        "cc",
        "cpp",
        "hpp",
        "cs",
        "rb",
        "php",
        "swift",
        "lua",
        "sh",
        "ex",
        "exs",
        "hs",
        "zig",
        "sql",
        "html",
        "css",
        "md",
        "json",
        "yaml",
        "yml",
        "toml",
        "ipynb",
        "txt",
        "cfg",
        "ini",
        "xml",
    ]
)


def _filters(request: SearchRequest, inline: dict[str, list[str]]) -> Filters:
    languages = _lowered([*request.languages, *inline.get("lang", ())])
    return Filters(
        paths=(*request.paths, *inline.get("path", ())),
        exclude_paths=(*request.exclude_paths, *inline.get("-path", ())),
        languages=frozenset(_LANGUAGE_NAMES.get(name, name) for name in languages),
        kinds=frozenset(_lowered([*request.kinds, *inline.get("kind", ())])),
    )


def _lowered(values: Iterable[str]) -> list[str]:
    return [part for value in values for part in value.lower().split(",") if part]


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> Callable[[str], bool]:
    """Return the test of one path filter: a glob when it has ``*`` or ``?``, else any part of the path."""
    lowered = pattern.lower().removeprefix("./")
    if not any(c in lowered for c in "*?"):
        return lambda path: lowered in path.lower()
    compiled = re.compile(_glob(lowered))
    return lambda path: compiled.search(path.lower()) is not None


def _glob(pattern: str) -> str:
    """Translate a glob: ``*`` and ``?`` stay within a directory, ``**`` crosses, unanchored if no slash."""
    out = []
    i = 0
    while i < len(pattern):
        if pattern.startswith("**/", i):
            out.append("(?:.*/)?")
            i += 3
        elif pattern.startswith("**", i):
            out.append(".*")
            i += 2
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(pattern[i]) or re.escape(pattern[i]))
            i += 1
    start = r"\A" if "/" in pattern.rstrip("/") else r"(?:\A|/)"
    return start + "".join(out) + (r"" if pattern.endswith("/") else r"(?:\Z|/)")
