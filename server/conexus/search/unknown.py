"""What a question's filters name that nothing here is called: said, with what is spelt like it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from conexus.domain import KINDS
from conexus.parsing.languages import LANGUAGES, language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from conexus.search.query import Filters

# rapidfuzz's normalised indel similarity, 0 to 100: "pythn" is 91 like "python", "banana" 44 like "ada".
_ALIKE = 65
_MOST_ALIKE, _MOST_COMMON = 3, 5
_KINDS = f"; kinds are {', '.join(sorted(KINDS))}"


def remarks(
    filters: Filters,
    files: Callable[[], Mapping[str, int]],
    admits: Callable[[], bool],
    *,
    found: bool,
) -> Iterator[str]:
    """Yield a sentence for each language and kind of `filters`, and for its paths, that can be met by nothing.

    A name that is none is said in any case. A language that no indexed file is in, and paths that no indexed file has,
    are said where nothing was `found`. `files` counts indexed files by language, `admits` says whether any has a path
    that is let through; they are called where that has to be known.
    """
    for name in sorted((filters.languages | filters.exclude_languages) - LANGUAGES):
        yield f"no language is called {name}{_like(_languages_like(name)) or _most(files())}"
    for name in sorted((filters.kinds | filters.exclude_kinds) - KINDS):
        yield f"no kind of definition is called {name}{_like(_spelt_like(name, KINDS)) or _KINDS}"
    if (filters.paths or filters.exclude_paths) and not found and not admits():
        yield f"no indexed file passes {' '.join(one for one in filters.shown if one.lstrip('-').startswith('path:'))}"
    known = filters.languages & LANGUAGES
    if known and not found and (absent := known - (counts := files()).keys()):
        yield f"no indexed file is in {', '.join(sorted(absent))}{_most(counts)}"


def _languages_like(name: str) -> list[str]:
    by_suffix = language_of(f"_.{name}", b"")
    return [by_suffix] if by_suffix != "text" else _spelt_like(name, LANGUAGES)


def _spelt_like(name: str, known: frozenset[str]) -> list[str]:
    alike = process.extract(name, sorted(known), scorer=fuzz.ratio, limit=_MOST_ALIKE, score_cutoff=_ALIKE)
    return [word for word, *_ in alike]


def _like(names: list[str]) -> str:
    return f"; did you mean {' or '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}?" if names else ""


def _most(counts: Mapping[str, int]) -> str:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST_COMMON]
    return f"; most files are in {', '.join(f'{name} ({count:,})' for name, count in most)}" if most else ""
