"""What was typed → what to look for. Pure, and no text is ever an error."""

from __future__ import annotations

import re
import textwrap
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from attrs import field, frozen

from conexus.embedding.words import words
from conexus.search.context import EditorContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Intent(StrEnum):
    """What kind of answer is wanted."""

    SYMBOL = "symbol"
    PATH = "path"
    PROSE = "prose"
    CODE = "code"
    """Code was pasted: what is like it is wanted."""
    EXACT = "exact"
    """Nothing but phrases and regular expressions: places that have them are wanted."""


@frozen
class Exact:
    """Text that an answer must have as it stands: ``"a phrase"`` or ``/an expression/``."""

    text: str
    is_regex: bool = False
    flags: str = ""
    """Letters of ``ims``: any case, and of an expression ``^`` and ``$`` of lines, ``.`` for line ends."""

    @property
    def shown(self) -> str:
        """Return it as it is typed."""
        if self.is_regex:
            return f"/{self.text}/{self.flags}"
        return '"' + self.text.replace("\\", "\\\\").replace('"', '\\"') + '"'


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
    context: EditorContext = field(factory=EditorContext)
    """Of the folder that is asked."""
    refine: bool = False
    """Whether to wait for a second opinion, where there is one."""
    files: frozenset[str] = frozenset()
    """Only these files, by their exact paths, if any are given."""


@frozen
class Filters:
    """Which files and kinds may answer."""

    paths: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    languages: frozenset[str] = frozenset()
    exclude_languages: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    exclude_kinds: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()

    @property
    def by_file(self) -> bool:
        """Return whether any filter looks at the file."""
        return bool(
            self.files or self.paths or self.exclude_paths or self.languages or self.exclude_languages
        )

    @property
    def by_kind(self) -> bool:
        """Return whether any filter looks at the kind of a chunk."""
        return bool(self.kinds or self.exclude_kinds)

    @property
    def shown(self) -> tuple[str, ...]:
        """Return them as they are typed."""
        named = {
            "path": self.paths,
            "-path": self.exclude_paths,
            "lang": sorted(self.languages),
            "-lang": sorted(self.exclude_languages),
            "kind": sorted(self.kinds),
            "-kind": sorted(self.exclude_kinds),
        }
        return tuple(
            f'{name}:"{value}"' if re.search(r"\s", value) else f"{name}:{value}"
            for name, values in named.items()
            for value in values
        )

    def admits_kind(self, kind: str) -> bool:
        """Return whether a chunk of this kind may answer."""
        return kind not in self.exclude_kinds and (not self.kinds or kind in self.kinds)

    def admits(self, path: str, language: str) -> bool:
        """Return whether a file may answer."""
        if self.files and path not in self.files:
            return False
        if language in self.exclude_languages or (self.languages and language not in self.languages):
            return False
        return self.admits_path(path)

    def admits_path(self, path: str) -> bool:
        """Return whether a file of this path may answer, whatever it is written in."""
        if any(_matcher(pattern)(path) for pattern in self.exclude_paths):
            return False
        return not self.paths or any(_matcher(pattern)(path) for pattern in self.paths)


@frozen
class Query:
    """A planned question."""

    text: str
    """What is left when filters, phrases and expressions are taken out."""
    meaning: str
    """What a model should read: `text` and the phrases; of an expression, the words in it."""
    words: tuple[str, ...]
    """Its words in order, without those that carry nothing in a question."""
    identifiers: tuple[str, ...]
    """Names in it that look like code: ``HttpClient.send``, ``max_size``."""
    exact: tuple[Exact, ...]
    """What every answer must have as it stands."""
    intent: Intent
    filters: Filters
    limit: int
    wants_tests: bool
    """Whether the question asks for tests, which otherwise rank below what they test."""

    @property
    def shown(self) -> str:
        """Return in one line, for people, how the question was read."""
        parts = {
            "words": self.words,
            "names": self.identifiers,
            "exact": [one.shown for one in self.exact],
            "filters": self.filters.shown,
        }
        said = [f"{name} {_listed(values)}" for name, values in parts.items() if values]
        return "; ".join([str(self.intent), *said, *(["asks for tests"] if self.wants_tests else [])])


def _listed(values: Sequence[str]) -> str:
    more = ["…"] if len(values) > _MOST_SHOWN else []
    return " ".join([*values[:_MOST_SHOWN], *more])


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
_VALUE = r"(?:\"[^\"]*\"|\S+)"
_FILTER = rf"(?P<sign>-?)(?P<name>path|file|lang|language|kind):(?P<value>{_VALUE})"
# What stands apart between spaces: a filter, a phrase, or an expression with its flags. An expression begins and ends at
# its slashes: the slashes of "read / write / execute" only part words.
_SPECIAL = re.compile(
    rf"(?<!\S)(?:{_FILTER}"
    r"|\"(?P<phrase>(?:[^\"\\]|\\.)+)\"(?!\S)"
    r"|/(?!\s)(?P<regex>(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)+\])+)(?<!\s)/(?P<flags>[gimsu]*)(?!\S))",
    re.IGNORECASE | re.DOTALL,
)
_LEADING_FILTERS = re.compile(rf"\s*(?:{re.sub('[?]P<[a-z]+>', '?:', _FILTER)}\s+)*", re.IGNORECASE)
_IDENTIFIER = re.compile(
    r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|#|/)[A-Za-z_$][\w$]*)+"  # qualified
    r"|[A-Za-z]\w*_\w+|_\w+"  # snake_case
    r"|[a-z]+[0-9]*[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*|[A-Z]{2,}[a-z]\w*"  # camelCase
)
_PATH_LIKE = re.compile(r"/?[\w.@+-]+/[\w./@+-]*|[\w-]+\.[A-Za-z][A-Za-z0-9]{0,4}")
# As compilers and traces name a place: src/main.c:10:4.
_LINE_NUMBER = re.compile(r"\A(\S*[\w-]\.[A-Za-z]\w{0,5})(?::\d+){1,2}:?\Z")
_ONE_NAME = re.compile(r"[A-Za-z_$@][\w$]*(?:(?:\.|::|->|#)[\w$]+)*(?:\(\))?[?!]?")
# Only a question about tests turns their penalty around: in a test framework every question says "test".
_ASKS_FOR_TESTS = re.compile(
    r"\b(?:tests?|specs?|fixtures?) (?:for|of|that|cover\w*|about)\b|\btest cases?\b|\btested\b"
    r"|\b(?:unit|integration|regression|acceptance|smoke|e2e|end-to-end) tests?\b"
    r"|\bhow (?:do|does|did|can|could|should) (?:we|i|you|they|one) test\b"
    r"|\A\W*(?:show|find|list|give)(?: me)?(?: all| the| our| its)* tests\b",
    re.IGNORECASE,
)
_LANGUAGE_NAMES = {
    "py": "python", "js": "javascript", "ts": "typescript", "rs": "rust", "rb": "ruby", "kt": "kotlin",
    "c++": "cpp", "cs": "csharp", "c#": "csharp", "sh": "bash", "shell": "bash", "md": "markdown", "hs": "haskell",
    "ex": "elixir", "golang": "go", "yml": "yaml",
}  # fmt: skip
_KIND_NAMES = {
    "func": "function",
    "def": "function",
    "fn": "function",
    "var": "variable",
    "const": "constant",
}
_MOST_IDENTIFIERS, _MOST_SHOWN = 16, 20
# Nobody types more; in longer texts nothing is looked for that takes longer than they are long.
_LONGEST, _LONGEST_NAMED = 4_000, 1_000


def plan(request: SearchRequest, spoken: str = "") -> Query:
    """Return the query that `request` asks: filters and phrases taken out, words split, intent judged.

    `spoken` is the language that nearly all of the folder is written in, if there is one: in a folder of Python,
    "python" in a question tells nothing, and what happens to say it is not the answer for that.
    """
    taken = _taken_apart(request.text)
    meaning = " ".join(filter(None, [taken.text, *map(_said, taken.exact)]))
    found = words(meaning)
    intent = _intent(taken)
    telling = [word for word in found if word not in _EMPTY_WORDS] or found
    if intent is Intent.PROSE:
        telling = [word for word in telling if _LANGUAGE_NAMES.get(word, word) != spoken] or telling
    return Query(
        text=taken.text,
        meaning=meaning,
        words=tuple(telling),
        identifiers=tuple(dict.fromkeys(_IDENTIFIER.findall(meaning[:_LONGEST_NAMED])))[:_MOST_IDENTIFIERS],
        exact=taken.exact,
        intent=intent,
        filters=_filters(request, taken.filters),
        limit=request.limit,
        wants_tests=_ASKS_FOR_TESTS.search(taken.text) is not None,
    )


@frozen
class _Taken:
    """A question taken apart."""

    text: str
    filters: dict[str, list[str]]
    exact: tuple[Exact, ...]
    is_code: bool = False


def _taken_apart(text: str) -> _Taken:
    """Return the parts of what was typed. In pasted code only filters before it count: code has quotes and colons."""
    start = _end_of_leading_filters(text)
    code = text[start:].strip("\n").rstrip()
    if "\n" in code and looks_like_code(code):
        return _Taken(textwrap.dedent(code), _taken_apart(text[:start]).filters, (), is_code=True)
    if len(text) > _LONGEST:
        rest, before = text[start:], text[:start]
        filters = _taken_apart(before).filters if len(before) <= _LONGEST else {}
        return _Taken(" ".join(rest.split()), filters, (), is_code=looks_like_code(rest))
    inline: dict[str, list[str]] = {}
    exact: list[Exact] = []

    def take(match: re.Match[str]) -> str:
        if match["phrase"] is not None:
            exact.append(Exact(re.sub(r"\\([\"\\])", r"\1", match["phrase"])))
        elif match["regex"] is not None:
            flags = "".join(sorted({*match["flags"].lower()} & {*"ims"}))
            exact.append(Exact(match["regex"].replace("\\/", "/"), is_regex=True, flags=flags))
        else:
            name = match["name"].lower()
            name = match["sign"] + {"file": "path", "language": "lang"}.get(name, name)
            inline.setdefault(name, []).append(match["value"].strip('"'))
        return " "

    rest = _LINE_NUMBER.sub(r"\1", " ".join(_SPECIAL.sub(take, text).split()))
    exact = [one for one in dict.fromkeys(exact) if one.text.strip()]
    return _Taken(rest, inline, tuple(exact), is_code=looks_like_code(rest))


def _end_of_leading_filters(text: str) -> int:
    found = _LEADING_FILTERS.match(text)
    return found.end() if found else 0


def _said(exact: Exact) -> str:
    """Return the text of a phrase, and of an expression what it says literally."""
    return " ".join(literals(exact)) if exact.is_regex else exact.text


def literals(exact: Exact) -> list[str]:
    """Return texts that everything has that matches, as long as they are known to be.

    Of an expression that is what stands outside of groups, classes and repeats; nothing, where it has
    alternatives, for none of them must be there.
    """
    if not exact.is_regex:
        return [exact.text]
    if "|" in exact.text or _WORDY_ESCAPE.search(exact.text):
        return []
    found = [""]
    for token in _REGEX_TOKEN.finditer(_without_groups(exact.text)):
        literal, escaped, repeat = token["literal"], token["escaped"], token["repeat"]
        character = literal or (escaped if escaped and not escaped.isalnum() and escaped.isascii() else None)
        if repeat and repeat[0] != "+":
            found.append("")
        elif character:
            found[-1] += character.translate(_BACK)
        if not character or repeat:
            found.append("")
    return [text for text in found if text]


_REGEX_TOKEN = re.compile(
    r"(?:\\(?P<escaped>.)|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<literal>[^\\.^$()\[\]*+?{}|]))"
    r"(?P<repeat>[*+?{](?:[^{}]*\})?\??)?|.",
    re.DOTALL,
)
# Escapes that more characters belong to: \x41, \pN, \101, \Q...\E.
_WORDY_ESCAPE = re.compile(r"\\[xpPQ0-7]")
_ASIDE, _BACK = str.maketrans("()", "\1\2"), str.maketrans("\1\2", "()")
_GROUP = re.compile(r"\((?:\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^()\\\[])*\)", re.DOTALL)


def _without_groups(pattern: str) -> str:
    """Return a pattern with a class in place of each group, innermost first."""
    # An escaped parenthesis is no group, and stands aside meanwhile.
    pattern = re.sub(r"\\(.)", lambda escape: "\\" + escape[1].translate(_ASIDE), pattern, flags=re.DOTALL)
    while (shorter := _GROUP.sub("[g]", pattern)) != pattern:
        pattern = shorter
    return "" if "(" in pattern or ")" in pattern else pattern


# How lines of code begin and end, and what a word of prose does not have.
_CODE_START = re.compile(
    r"\s*(?:(?:async|export|public|private|protected|static|final|pub(?:\(\w+\))?|override|abstract|inline)\s+)*"
    r"(?:(?:def|fn|func|fun|function|class|struct|enum|trait|interface|impl|module|namespace|type|const|let|var|val"
    r"|import|from|package|use|using|if|elif|for|while|switch|match|try|return|throw|raise|with)\b.*[(){}\[\]:;=.]"
    r"|[@#/*<}\])]|--|else\b|end\b|\$\w+\s*=|[\w.\[\]\"']+\s*(?:[-+*/|:]?=|:=|<-)\s*\S)"
)
_CODE_END = re.compile(r"[;{}()\[\],:]\s*$|=>\s*$")
_CODE_TOKEN = re.compile(r"[(){}\[\]=;<>]|->|::|:=")


def looks_like_code(text: str) -> bool:
    """Return whether `text` is code and not a question: most of its lines are, or of a line most of its words."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1:
        signs = sum(bool(_CODE_START.match(line)) + bool(_CODE_END.search(line)) for line in lines)
        indented = sum(line[0] in " \t" for line in lines)
        return (
            signs >= len(lines) or (signs > 1 and 2 * indented >= len(lines)) or 2 * signs >= len(lines) > 2
        )
    parts = text.split()
    telling = sum(_CODE_TOKEN.search(part) is not None for part in parts)
    ends = text.rstrip().endswith((";", "{", "}"))
    begins = (
        len(parts) > 1 and text.rstrip().endswith((":", "{", ")")) and _CODE_START.match(text) is not None
    )
    return (
        len(parts) > 1 and telling > 0 and (ends or begins or (len(parts) > 3 and 2 * telling >= len(parts)))
    )


def _intent(taken: _Taken) -> Intent:
    if taken.is_code:
        return Intent.CODE
    if taken.exact and not taken.text:
        return Intent.EXACT
    if _ONE_NAME.fullmatch(taken.text) and not _is_file_name(taken.text):
        return Intent.SYMBOL
    if _PATH_LIKE.fullmatch(taken.text):
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
    def languages(*values: str) -> frozenset[str]:
        return frozenset(_LANGUAGE_NAMES.get(name, name) for name in _lowered(values))

    def kinds(*values: str) -> frozenset[str]:
        return frozenset(_KIND_NAMES.get(name, name) for name in _lowered(values))

    return Filters(
        paths=tuple(filter(None, [*request.paths, *inline.get("path", ())])),
        exclude_paths=tuple(filter(None, [*request.exclude_paths, *inline.get("-path", ())])),
        languages=languages(*request.languages, *inline.get("lang", ())),
        exclude_languages=languages(*inline.get("-lang", ())),
        kinds=kinds(*request.kinds, *inline.get("kind", ())),
        exclude_kinds=kinds(*inline.get("-kind", ())),
        files=request.files,
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
