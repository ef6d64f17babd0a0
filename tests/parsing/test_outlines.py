"""Golden outlines: what is found in one realistic file a language.

CONEXUS_UPDATE_GOLDEN=1 pytest tests/parsing rewrites the outlines; read the difference before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conexus.parsing.chunker import parse
from conexus.parsing.languages import GRAMMARS, language_of

SAMPLES = Path(__file__).parent / "samples"
FILES = sorted(path for path in SAMPLES.rglob("*.*") if path.suffix != ".outline")


def outline_text(source: bytes, language: str) -> str:
    parsed = parse(source, language)
    lines = [f"language {parsed.language}"]
    lines += [f"note {parsed.note}"] if parsed.note else []
    lines += ["", "symbols"]
    for symbol in parsed.symbols:
        span = symbol.span
        lines.append(f"  {symbol.kind} {symbol.qualified} @{symbol.line} [{span.start_line}-{span.end_line}]")
    lines += ["", "chunks"]
    for chunk in parsed.chunks:
        span, size = chunk.span, chunk.span.end - chunk.span.start
        lines.append(
            f"  [{span.start_line}-{span.end_line}] {size} bytes: {chunk.kind} {chunk.symbol}".rstrip()
        )
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_outline_is_as_expected(path):
    source = path.read_bytes()
    actual = outline_text(source, language_of(path.name, source[:4096]))
    golden = path.with_name(path.name + ".outline")
    if os.environ.get("CONEXUS_UPDATE_GOLDEN"):
        golden.write_text(actual, encoding="utf-8")
    assert actual == golden.read_text(encoding="utf-8")


def test_every_grammar_has_a_sample():
    assert {path.parent.name for path in FILES} >= GRAMMARS | {"markdown", "notebook"}
