from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types
from lsprotocol.types import Position, PositionEncodingKind, Range
from tests.lsp.test_positions import ENCODINGS, TEXTS, reference_lines, units

from conexus.lsp.documents import Document, Documents

URI = "file:///work/a%20file.py"


def opened(text: str, encoding: str = "utf-16") -> Documents:
    documents = Documents(None, position_encoding=PositionEncodingKind(encoding))
    documents.put_text_document(types.TextDocumentItem(URI, "python", 1, text))
    return documents


def document_of(documents: Documents) -> Document:
    document = documents.find(URI)
    assert document is not None
    return document


def partial(
    start: tuple[int, int], end: tuple[int, int], text: str
) -> types.TextDocumentContentChangePartial:
    return types.TextDocumentContentChangePartial(Range(Position(*start), Position(*end)), text)


def change(documents: Documents, *changes: types.TextDocumentContentChangeEvent, version: int = 2) -> None:
    for one in changes:
        documents.update_text_document(types.VersionedTextDocumentIdentifier(version, URI), one)


def reference_offset(text: str, line: int, column: int, encoding: str) -> int:
    """Return the index into the whole text: the slow and obvious way."""
    lines = reference_lines(text)
    if line >= len(lines):
        return len(text)
    body = lines[line].rstrip("\r\n")
    inside = max(n for n in range(len(body) + 1) if units(body[:n], encoding) <= column)
    return sum(map(len, lines[:line])) + inside


EDITS = st.lists(
    st.tuples(
        st.tuples(st.integers(0, 8), st.integers(0, 12)),
        st.tuples(st.integers(0, 8), st.integers(0, 12)),
        TEXTS,
    ),
    max_size=8,
)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=TEXTS, edits=EDITS)
def test_any_script_of_edits_leaves_the_text_of_the_reference(
    encoding: str, text: str, edits: list[tuple[tuple[int, int], tuple[int, int], str]]
) -> None:
    documents, expected = opened(text, encoding), text
    for start, end, replacement in edits:
        first, last = sorted(reference_offset(expected, *place, encoding) for place in (start, end))
        expected = expected[:first] + replacement + expected[last:]
        change(documents, partial(start, end, replacement))
        assert document_of(documents).source == expected
        assert list(document_of(documents).lines) == reference_lines(expected)


def test_a_form_feed_and_a_line_separator_end_no_line() -> None:
    documents = opened("one\ftwo\u2028three\nfour\n")
    change(documents, partial((1, 0), (1, 4), "FOUR"))
    assert document_of(documents).source == "one\ftwo\u2028three\nFOUR\n"


def test_two_hundred_edits_of_one_notification_touch_only_their_lines() -> None:
    lines = [f"line {number}" for number in range(10_000)]
    documents = opened("\n".join(lines))
    before = [id(line) for line in document_of(documents).lines]
    edits = [partial((number * 50, 0), (number * 50, 4), "LINE") for number in range(200)]
    change(documents, *edits)
    after = [id(line) for line in document_of(documents).lines]
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 200
    assert document_of(documents).source == "\n".join(
        line.replace("line", "LINE") if number % 50 == 0 else line for number, line in enumerate(lines)
    )


def test_a_change_without_a_range_replaces_everything() -> None:
    documents = opened("old")
    change(documents, types.TextDocumentContentChangeWholeDocument("new\r\ntext"), version=7)
    assert list(document_of(documents).lines) == ["new\r\n", "text"]
    assert document_of(documents).version == 7


def test_ends_in_the_wrong_order_are_put_right() -> None:
    documents = opened("abc\ndef")
    change(documents, partial((1, 1), (0, 1), "-"))
    assert document_of(documents).source == "a-ef"


def test_lone_surrogates_are_replaced_in_opened_and_in_typed_text() -> None:
    documents = opened("a\ud800")
    change(documents, partial((0, 2), (0, 2), "\udc00b"))
    assert document_of(documents).source == "a\ufffd\ufffdb"


def test_a_change_to_a_document_that_is_not_open_is_ignored() -> None:
    documents = opened("text")
    documents.update_text_document(
        types.VersionedTextDocumentIdentifier(1, "file:///other"),
        types.TextDocumentContentChangeWholeDocument("x"),
    )
    assert documents.find("file:///other") is None
    assert document_of(documents).source == "text"
