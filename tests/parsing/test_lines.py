"""Cuts between lines: what is looked at first must not decide what is found."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right

import pytest

from conexus.domain import Chunk
from conexus.parsing.chunker import LARGEST_CHUNK, parse
from conexus.parsing.lines import _CONTINUES, Lines

TARGET, LIMIT = 60, 84
PIECES = (
    b"\n", b"\n\n", b"\r\n", b"\r\n\r\n", b"\n\r\n", b"\n\n\n", b"\t", b"    ", b"}", b"end", b"else x", b"a word ",
    b"x" * 30, b"y" * 200, b"\xc3\xa9" * 20,
)  # fmt: skip


def texts(seed: int, count: int) -> list[bytes]:
    """Return texts with more ends of lines, and odder ones, than people write."""
    chance = random.Random(seed)
    weights = [[chance.random() ** 3 for _ in PIECES] for _ in range(count)]
    return [b"".join(chance.choices(PIECES, weight, k=chance.randrange(5, 150))) for weight in weights]


def cost(source: bytes, offset: int, middle: int, ideal: int) -> float:
    """Return how bad a cut is: its distance, its indentation, less where an empty line is before it."""
    line = source[offset : offset + 100]
    indent = len(line) - len(line.lstrip(b" \t"))
    width = indent + 3 * line[:indent].count(b"\t")
    empty = source[:offset].endswith((b"\n\n", b"\n\r\n"))
    continues = 2 if _CONTINUES.match(line) else 0
    return 2 * (abs(offset - middle) / ideal) + 0.08 * min(width, 40) - empty + continues


def best_cut(source: bytes, starts: list[int], start: int, ideal: int) -> int | None:
    """Return the cheapest line of all that a part from `start` may end before, the first of equal ones."""
    low, high = start + ideal // 2, start + min(LIMIT, ideal + ideal // 2)
    candidates = starts[bisect_left(starts, low) : bisect_right(starts, high)]
    return min(
        candidates, key=lambda offset: (cost(source, offset, start + ideal, ideal), offset), default=None
    )


@pytest.mark.parametrize("seed", range(8))
def test_each_cut_is_the_best_of_all_lines_within_reach(seed):
    compared = 0
    for source in texts(seed, 60):
        lines, start = Lines(source), 0
        for cut in lines.cuts(0, len(source), TARGET, LIMIT):
            left = len(source) - start
            best = best_cut(source, lines.starts, start, left // max(2, round(left / TARGET)))
            if best is not None:
                assert cut == best, (source, start)
                compared += 1
            assert start < cut <= start + LIMIT
            start = cut
    assert compared > 300


def test_text_has_the_lines_of_its_chunks():
    for source in [*texts(99, 40), b"one line without end", b"a\n" * 3_000, b"\n \n" * 2_000 + b"end"]:
        chunks = parse(source, "text").chunks
        starts = Lines(source).starts
        assert [(c.span.start_line, c.span.end_line) for c in chunks] == [
            (bisect_right(starts, c.span.start), bisect_right(starts, c.span.end - 1)) for c in chunks
        ]


def test_crumbs_of_text_join_a_neighbour():
    lone = b"word " * 9 + b"\n"
    source = b"".join(lone + b"z" * 2_050 + b"\n" for _ in range(5))
    sizes = [chunk.span.end - chunk.span.start for chunk in parse(source, "text").chunks]
    assert max(sizes) <= LARGEST_CHUNK
    assert sizes == [len(lone) + 2_051] * 5


def test_text_of_white_space_only_has_no_chunks():
    assert parse(b" \n\t\r\n\x0b\x0c", "text").chunks == ()
    assert isinstance(parse(b" \n.", "text").chunks[0], Chunk)


@pytest.mark.parametrize("width", [1, 40, 199, 200, 201, 5_000])
def test_a_line_begins_before_its_white_space_however_wide(width):
    blank = b" " * width
    for before in (b"", b"one\n", b"one\r\n", b"\n\n"):
        lines = Lines(before + blank + b"two")
        assert lines.begin(len(before)) == len(before)
        assert lines.begin(len(before) + width) == len(before)
        assert lines.begin(len(before) + width + 1) is None
    assert Lines(b"x" + blank + b"two").begin(width + 1) is None
    assert Lines(b"one\nx" + blank + b"two").begin(5 + width) is None
