from __future__ import annotations

from conexus.domain import Span
from conexus.search.focus import focused
from conexus.search.gates import Hit
from conexus.search.query import SearchRequest, plan
from conexus.store.symbols import SymbolEntry

EXCERPT = "class Paint:\n    pass\n\n\ndef parse_barcode(text):\n    return text.strip()\n"


def hit(start: int = 0, first: int = 11) -> Hit:
    span = Span(start, start + len(EXCERPT), first, first + 5)
    return Hit("shop.py", span, first, EXCERPT, "Paint", "class", "python", 0.5, ())


def entry(name: str, start: int, line: int, kind: str = "function", container: str = "") -> SymbolEntry:
    return SymbolEntry(name, kind, container, 1, "shop.py", line, Span(start, start + 5, line, line))


def look(question: str, *symbols: SymbolEntry) -> tuple[int, str, str]:
    found = focused(hit(), plan(SearchRequest(question)), symbols)
    return found.line, found.symbol, found.kind


SYMBOLS = (entry("Paint", 0, 11, "class"), entry("parse_barcode", 24, 15))


def test_the_definition_the_question_names() -> None:
    assert look("parse_barcode", *SYMBOLS) == (15, "parse_barcode", "function")
    assert look("where are barcodes parsed", *SYMBOLS) == (15, "parse_barcode", "function")
    assert look("paint", *SYMBOLS) == (11, "Paint", "class")


def test_else_the_line_that_says_most() -> None:
    assert look("strip the text", *SYMBOLS) == (16, "Paint", "class")
    assert look("nothing of the kind", *SYMBOLS) == (11, "Paint", "class")


def test_containers_are_named() -> None:
    assert look("close", entry("close", 24, 15, "method", "Shop")) == (15, "Shop.close", "method")
