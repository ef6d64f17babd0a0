"""Filters that name what nothing is called are said, and what is spelt like it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from conexus.domain import KINDS
from conexus.parsing.chunker import parse
from conexus.parsing.languages import LANGUAGES, language_of
from conexus.search.query import SearchRequest, plan
from conexus.search.unknown import remarks

SAMPLES = Path(__file__).parents[1] / "parsing" / "samples"
FILES = Counter(python=2, go=1)


def said(text: str, *, found: bool = False, admits: bool = True) -> list[str]:
    return list(remarks(plan(SearchRequest(text)).filters, lambda: FILES, lambda: admits, found=found))


@pytest.mark.parametrize(
    "text", ["x lang:python kind:function", "x lang:py kind:fn -lang:golang", "x", "x -lang:rust"]
)
def test_what_there_is_is_not_said(text: str) -> None:
    assert said(text) == []


def test_a_language_without_files_is_said_where_nothing_was_found() -> None:
    assert said("x lang:rust,go") == ["no indexed file is in rust; most files are in python (2), go (1)"]
    assert said("x lang:rust,go", found=True) == []


def test_names_that_are_none_are_said_in_any_case() -> None:
    assert said("x lang:haskel kind:metod -kind:clas", found=True) == [
        "no language is called haskel; did you mean haskell?",
        "no kind of definition is called clas; did you mean class?",
        "no kind of definition is called metod; did you mean method?",
    ]


def test_what_is_like_nothing_is_said_with_what_there_is() -> None:
    (kinds,) = said("x kind:zzz")
    assert kinds.startswith("no kind of definition is called zzz; kinds are cell, class, ")
    assert said("x lang:zzz") == ["no language is called zzz; most files are in python (2), go (1)"]
    filters = plan(SearchRequest("x lang:zzz")).filters
    assert list(remarks(filters, Counter, lambda: True, found=False)) == ["no language is called zzz"]


def test_paths_that_no_file_has_are_said_where_nothing_was_found() -> None:
    assert said("x path:nowhere -path:b.py lang:go", admits=False) == [
        "no indexed file passes path:nowhere -path:b.py"
    ]
    assert (
        said("x path:nowhere", admits=False, found=True) == said("x path:a") == said("x", admits=False) == []
    )


def test_all_kinds_and_languages_that_are_parsed_are_known() -> None:
    samples = [path for path in SAMPLES.rglob("*") if path.is_file()]
    assert len(samples) > 20
    for path in samples:
        source = path.read_bytes()
        language = language_of(path.name, source[:2000])
        parsed = parse(source, language)
        assert language in LANGUAGES
        assert {one.kind for one in (*parsed.chunks, *parsed.symbols)} <= KINDS, path
