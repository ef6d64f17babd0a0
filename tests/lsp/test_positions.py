from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conexus.domain import Span
from conexus.lsp import positions

ENCODINGS = ["utf-8", "utf-16", "utf-32"]
TEXTS = st.text(
    st.sampled_from("ab \t\n\r\f\v\x1c\x85\u2028\u2029é漢😀"), max_size=40
)  # everything str.splitlines splits at, and one to four bytes a character


def units(text: str, encoding: str) -> int:
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    return len(text.encode(encoding if size == 1 else f"{encoding}-le")) // size


def reference_lines(text: str) -> list[str]:
    lines, current = [], ""
    for number, character in enumerate(text):
        current += character
        if character == "\n" or (character == "\r" and text[number + 1 : number + 2] != "\n"):
            lines.append(current)
            current = ""
    return [*lines, current]


@given(TEXTS)
def test_lines_end_where_the_protocol_says(text: str) -> None:
    assert positions.split(text) == reference_lines(text)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=TEXTS)
def test_width_counts_the_units_of_the_encoding(encoding: str, text: str) -> None:
    assert positions.width(text, encoding) == units(text, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=TEXTS, column=st.integers(0, 60))
def test_index_is_the_last_character_that_begins_before_the_column(
    encoding: str, text: str, column: int
) -> None:
    line = reference_lines(text)[0]
    body = line.rstrip("\r\n")
    expected = max(n for n in range(len(body) + 1) if units(body[:n], encoding) <= column)
    assert positions.index(line, column, encoding) == expected


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=TEXTS)
def test_a_byte_offset_is_found_again_at_its_position(encoding: str, text: str) -> None:
    source = positions.Source(text.encode())
    offset = 0
    for line_number, line in enumerate(reference_lines(text)):
        body = line.rstrip("\r\n")
        for column in range(len(body) + 1):
            at = source.position(offset + len(body[:column].encode()), encoding)
            assert (at.line, at.character) == (line_number, units(body[:column], encoding))
        offset += len(line.encode())


def test_an_offset_inside_a_line_end_is_the_end_of_the_line() -> None:
    at = positions.Source(b"ab\r\ncd").position(3, "utf-16")
    assert (at.line, at.character) == (0, 2)


def test_an_offset_behind_the_end_is_the_end() -> None:
    at = positions.Source(b"ab\ncd").position(99, "utf-16")
    assert (at.line, at.character) == (1, 2)


def test_a_span_becomes_a_range_in_the_units_of_the_client() -> None:
    data = "é😀\ndef 漢():\n".encode()
    start = data.index(b"def")
    found = positions.Source(data).range(Span(start, len(data) - 1, 2, 2), "utf-16")
    assert (found.start.line, found.start.character, found.end.line, found.end.character) == (1, 0, 1, 8)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(2, (1, 2, 10)), (3, (2, 0, 0)), (4, (3, 2, 3)), (5, (4, 0, 0)), (9, (4, 0, 0))],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_of_a_span_has_neither_indentation_nor_end(
    number: int, expected: tuple[int, int, int], end: str
) -> None:
    data = end.join(["é", "x\tdef 漢😀: ", "", " \té", ""]).encode()
    span = Span(data.index(b"\tdef"), len(data), 2, 5)
    found = positions.Source(data).line(span, number, "utf-16")
    assert (found.start.line, found.start.character, found.end.character) == expected
    assert found.end.line == found.start.line


def test_lone_surrogates_become_replacements_of_the_same_width() -> None:
    assert positions.clean("a\ud800b") == "a\ufffdb"
    assert positions.clean("a😀b") == "a😀b"
