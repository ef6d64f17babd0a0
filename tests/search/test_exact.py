"""Phrases and expressions: what grep finds, in the text as it is now."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conexus.embedding.words import words
from conexus.search.exact import holds, whole_words
from conexus.search.query import Exact, Filters, SearchRequest, literals

if TYPE_CHECKING:
    from collections.abc import Callable

    from conexus.engine.folder import Folder
    from conexus.search.exact import Grepped

FILES = """
//- /net/upload.py
import time


def retry_failed_uploads(queue, attempts=3):
    '''Try again what could not be sent.'''
    for item in queue:
        item.again(attempts)


class Größe:
    \tübergröße = "ü retry_limit"
//- /net/limits.py
MAX_RETRIES = 3  # retry_limit is for others


def wait(seconds):
    return "the rate limit is reached"
//- /web/page.ts
export function retryLimit(page: string) {
  return page + "the rate limit is reached";
}
//- /notes.md
# Notes

The rate limit is reached when retry_failed_uploads gives up.
"""


def grep(folder: Folder, text: str, flags: str = "", *, regex: bool = False, **options: object) -> Grepped:
    filters = options.pop("filters", Filters())
    bounds = {"limit": 100, "seconds": 30.0, **options}
    return folder.grep(Exact(text, regex, flags), filters, **bounds)[0]  # type: ignore[arg-type]


def lines(found: Grepped) -> list[tuple[str, int, int]]:
    return [(place.path, place.span.start_line, place.column) for place in found.places]


def test_places_have_line_column_and_text(kept: Callable[[str], Folder]) -> None:
    folder = kept(FILES)
    found = grep(folder, "retry_limit")
    assert lines(found) == [("net/limits.py", 1, 20), ("net/upload.py", 11, 21)]
    assert found.places[1].text == '    \tübergröße = "ü retry_limit"'
    assert found.complete
    assert found.notes == ()
    source = (folder.root / "net/upload.py").read_bytes()
    span = found.places[1].span
    assert source[span.start : span.end] == b"retry_limit"


@pytest.mark.parametrize(
    ("pattern", "flags", "count"),
    [
        (r"retry_\w+", "", 4),
        (r"RETRY_\w+", "", 0),
        (r"RETRY_\w+", "i", 4),
        (r"^def \w+\(", "", 2),
        (r"reached\W$", "", 1),
        (r"rate.*\n", "", 3),
        (r"queue:.*attempts", "", 0),
        (r"queue:.*attempts\)", "s", 1),
        (r"(?i)max_retries|rateLIMIT", "", 1),
        (r"Z*", "", 0),
    ],
)
def test_expressions_match_as_in_grep(
    kept: Callable[[str], Folder], pattern: str, flags: str, count: int
) -> None:
    found = grep(kept(FILES), pattern, flags, regex=True)
    assert len(found.places) == count
    assert found.complete


def test_filters_narrow(kept: Callable[[str], Folder]) -> None:
    folder = kept(FILES)
    found = grep(folder, "rate limit", filters=Filters(languages=frozenset({"python"})))
    assert lines(found) == [("net/limits.py", 5, 17)]
    found = grep(folder, "rate limit", filters=Filters(exclude_paths=("*.md", "net/")))
    assert {path for path, *_ in lines(found)} == {"web/page.ts"}


def test_what_is_cut_short_says_so(kept: Callable[[str], Folder]) -> None:
    folder = kept(FILES)
    found = grep(folder, "retry_failed_uploads", limit=1)
    assert (len(found.places), found.complete) == (1, False)
    assert "more matches than 1" in found.notes[0]
    found = grep(folder, "retry", seconds=0.0)
    assert (found.places, found.complete, found.files) == ((), False, 0)
    assert "the time was over after 0 files" in found.notes[0]
    assert grep(folder, "retry_failed_uploads", limit=2).complete


def test_the_text_counts_as_it_is_now(indexed: Callable[[str], Folder]) -> None:
    folder = indexed(FILES)
    (folder.root / "net/limits.py").write_text("def nothing_here(): return 'some whole_words_changed now'\n")
    assert not grep(folder, "retry_limit is").places
    # By its words the index would not look there.
    assert lines(grep(folder, "some whole_words_changed now")) == [("net/limits.py", 1, 29)]
    folder.texts.put("editor", "web/page.ts", 7, "let typed = 'in the editor only';\n")
    assert lines(grep(folder, "in the editor only")) == [("web/page.ts", 1, 14)]
    assert not grep(folder, "retryLimit").places
    (folder.root / "notes.md").unlink()
    assert {path for path, *_ in lines(grep(folder, "retry_failed_uploads"))} == {"net/upload.py"}


def test_words_of_the_text_spare_files(kept: Callable[[str], Folder]) -> None:
    found = grep(kept(FILES), "the rate limit is reached")
    assert len(found.places) == 2
    assert found.files == 3  # upload.py does not say "rate"


def test_secrets_are_not_found(indexed: Callable[[str], Folder]) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 4
    folder = indexed(f"\n//- /a.py\ntoken = '{secret}'\n")
    assert not grep(folder, secret[:20]).places
    assert grep(folder, "token = '****").places


def test_other_encodings(indexed: Callable[[str], Folder]) -> None:
    folder = indexed(FILES)
    (folder.root / "wide.py").write_bytes("größe = 'breit retry_limit'\n".encode("utf-16"))
    folder.reconcile()
    assert ("wide.py", 1, 16) in lines(grep(folder, "retry_limit"))


def test_an_expression_that_is_none_is_text(kept: Callable[[str], Folder]) -> None:
    found = grep(kept(FILES), "wait(", regex=True)
    assert lines(found) == [("net/limits.py", 4, 5)]
    assert "is no expression of RE2 (missing ): wait()" in found.notes[0]
    assert "looked for as text" in found.notes[0]


def test_expressions_that_explode_elsewhere_end(indexed: Callable[[str], Folder]) -> None:
    folder = indexed(f"\n//- /a.txt\n{'a' * 100_000}c\n")
    begun = time.process_time()
    assert not grep(folder, r"(a+)+b", regex=True).places
    assert not grep(folder, r"(a*)*(a|aa)+$b", regex=True).places
    # Python's own engine would need longer than the universe has been there.
    assert time.process_time() - begun < 60


QUERIES = [
    ('"rate limit is reached"', {"net/limits.py", "web/page.ts", "notes.md"}),
    ('gives up "rate limit is reached"', {"net/limits.py", "web/page.ts", "notes.md"}),
    ('"rate limit" "retry_failed_uploads"', {"notes.md"}),
    ("/retry_?limit/i", {"net/limits.py", "net/upload.py", "web/page.ts"}),
    ("/retry_?limit/i lang:python wait", {"net/limits.py", "net/upload.py"}),
    ('"nobody says this"', set()),
]


@pytest.mark.parametrize(("text", "paths"), QUERIES)
def test_answers_have_the_phrase(kept: Callable[[str], Folder], text: str, paths: set[str]) -> None:
    reply = kept(FILES).search(SearchRequest(text, explain=True))
    assert {hit.path for hit in reply.hits} == paths
    assert all(holds(hit.excerpt, reply.query.exact) for hit in reply.hits)
    assert all(any(reason.startswith("exact #") for reason in hit.reasons) for hit in reply.hits)


def test_a_phrase_in_a_text_that_changed(indexed: Callable[[str], Folder]) -> None:
    folder = indexed(FILES)
    (folder.root / "net/limits.py").write_text("def fresh():\n    return 'quite another thing'\n")
    (hit,) = folder.search(SearchRequest('"quite another thing"')).hits
    assert (hit.path, hit.span.start_line, hit.symbol) == ("net/limits.py", 1, "fresh")


@given(
    st.text(alphabet="aB1_ .(é", max_size=12),
    st.text(alphabet="aB1_ .(é", max_size=6),
    st.text(alphabet="aB1_ .(é", max_size=6),
)
@settings(deadline=None)
def test_whole_words_are_in_every_text_that_matches(literal: str, before: str, after: str) -> None:
    assert set(whole_words(Exact(literal))) <= set(words(before + literal + after))


@given(
    st.from_regex(
        r"(?:[aB_1]|\.|\\\.|\\w|[ab]\+|[ab]\*|\[ab\]|\(a_b\)|\(a_b\)\?|\bx\b){1,8}", fullmatch=True
    ),
    st.data(),
)
@settings(deadline=None)
def test_literals_of_an_expression_are_in_every_text_that_matches(pattern: str, data: st.DataObject) -> None:
    matching = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    assert all(literal in matching for literal in literals(Exact(pattern, is_regex=True)))
    assert set(whole_words(Exact(pattern, is_regex=True))) <= set(words(f"x{matching}x"))


@given(st.text())
def test_no_expression_is_an_error(text: str) -> None:
    holds("some text", [Exact(text or "x", is_regex=True), Exact(text or "x")])
