"""What holds for any input: coverage, order, size, and lines that agree with bytes."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conexus.parsing.chunker import LARGEST_CHUNK, parse
from conexus.parsing.languages import GRAMMARS, language_of

LANGUAGES = sorted(GRAMMARS | {"markdown", "notebook", "text", "dart"})
SAMPLES = {
    path.parent.name: path.read_bytes()
    for path in (Path(__file__).parent / "samples").rglob("*.*")
    if path.suffix != ".outline"
}


def check(source: bytes, language: str):
    parsed = parse(source, language)
    at = 0
    for chunk in parsed.chunks:
        assert chunk.span.start == at
        assert 0 < chunk.span.end - at <= LARGEST_CHUNK
        at = chunk.span.end
    assert at == (len(source) if source.strip() else 0)
    for span in [chunk.span for chunk in parsed.chunks] + [symbol.span for symbol in parsed.symbols]:
        assert 0 <= span.start < span.end <= len(source)
        assert span.start_line == 1 + source.count(b"\n", 0, span.start)
        assert span.end_line == 1 + source.count(b"\n", 0, span.end - 1)
    for symbol in parsed.symbols:
        assert symbol.name
        assert symbol.span.start_line <= symbol.line <= symbol.span.end_line
    return parsed


def utf8_boundaries_hold(source: bytes, language: str):
    for chunk in parse(source, language).chunks:
        source[chunk.span.start : chunk.span.end].decode("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source=st.binary(max_size=400))
def test_any_bytes_are_covered(language, source):
    check(source, language)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_mutilated_code_is_covered(language, data):
    sample = SAMPLES.get(language, SAMPLES["text"])
    low = data.draw(st.integers(0, len(sample)))
    high = data.draw(st.integers(low, len(sample)))
    junk = data.draw(
        st.sampled_from([b"", b"\x00", b"}}}}", b"((((", b"\r\n\r", b'"', "é…😀".encode(), b"\xff\xfe"])
    )
    repeats = data.draw(st.integers(1, 4))
    check((sample[:low] + junk + sample[high:]) * repeats, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.rstrip(),
        lambda text: b"\n\n\n" + text,
        lambda text: text.replace(b"\n", b" "),
    ],
    ids=["crlf", "bom", "no-newline-at-end", "empty-lines-first", "one-line"],
)
def test_odd_files_are_covered(language, change):
    check(change(SAMPLES.get(language, SAMPLES["text"])), language)


@pytest.mark.parametrize("language", sorted(GRAMMARS - {"haskell", "yaml", "html", "css", "json", "toml"}))
def test_line_endings_do_not_change_symbols(language):
    sample = SAMPLES[language]

    def found(source):
        return [(s.qualified, s.kind, s.line) for s in parse(source, language).symbols]

    assert found(sample.replace(b"\n", b"\r\n")) == found(sample)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("source", [b"", b"\n", b" \t\r\n\n", b"\n" * 5000])
def test_white_space_has_no_chunks(language, source):
    parsed = parse(source, language)
    assert parsed.chunks == parsed.symbols == ()


@pytest.mark.parametrize(
    "language", ["python", "javascript", "typescript", "json", "go", "c", "css", "html", "lua", "text"]
)
@pytest.mark.parametrize("pair", [b"()", b"[]", b"{}"])
def test_deep_nesting_is_covered(language, pair):
    check(b"x = " + pair[:1] * 10_000 + b"1" + pair[1:] * 10_000, language)


def test_deeply_nested_functions_are_covered():
    check(b"(function () {" * 3000 + b"})()" * 3000, "javascript")
    check(b"".join(b" " * n + b"def f():\n" for n in range(300)) + b" " * 300 + b"pass\n", "python")
    check(b"<div>\n" * 3000, "html")


def test_one_long_line_is_cut_between_characters():
    source = ("é漢😀" * 30_000).encode()
    for language in ("text", "javascript", "python"):
        check(source, language)
        utf8_boundaries_hold(source, language)


def test_minified_code_is_covered():
    source = (
        b"!function(){" + b"var a=function(b){return b+1};x.y=function(){return a(2)};" * 15_000 + b"}();"
    )
    check(source, "javascript")


def test_the_standard_library_is_cut_well():
    folder = Path(sysconfig.get_path("stdlib"))
    sizes, symbols = [], 0
    for path in [*sorted(folder.glob("*.py"))[:60], *sorted((folder / "asyncio").glob("*.py"))]:
        source = path.read_bytes()
        parsed = check(source, language_of(path.name, source[:4096]))
        sizes += [chunk.span.end - chunk.span.start for chunk in parsed.chunks]
        symbols += len(parsed.symbols)
    assert 800 < sum(sizes) / len(sizes) < 1300
    assert symbols > len(sizes)
