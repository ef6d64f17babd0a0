from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import SymbolKind

from conexus.domain import Span
from conexus.engine.wire import WireSymbol
from conexus.lsp import convert, options
from conexus.lsp.positions import Source


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///work/a%20b.py", "/work/a b.py"),
        ("file:///work/a%23b%3Fc.py", "/work/a#b?c.py"),
        ("file:///work/a#b?c;d.py", "/work/a#b?c;d.py"),
        ("file:///work/%C3%A4/%E6%BC%A2.py", "/work/ä/漢.py"),
        ("file:///work/ä.py", "/work/ä.py"),
        ("file:///work/%FF.py", "/work/\udcff.py"),
        ("file://localhost/work/a.py", "/work/a.py"),
        ("file:/work/a.py", "/work/a.py"),
        ("FILE:///work/a.py", "/work/a.py"),
        ("file:///work/b/../a.py", "/work/a.py"),
        ("file:////work//a.py", "/work/a.py"),
        ("file:///work/", "/work"),
        ("file://server/share/a.py", None),
        ("file:///work/%00.py", None),
        ("file:", None),
        ("untitled:Untitled-1", None),
        ("vscode-notebook-cell:/work/a.ipynb#X1", None),
        ("", None),
    ],
)
def test_uris_of_files_become_paths(uri: str, path: str | None) -> None:
    assert convert.path_of(uri, windows=False) == path


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///c%3A/Users/me/a%20b.py", "C:\\Users\\me\\a b.py"),
        ("file:///C:/Users/me/a.py", "C:\\Users\\me\\a.py"),
        ("file://server/share/a.py", "\\\\server\\share\\a.py"),
    ],
)
def test_windows_uris(uri: str, path: str) -> None:
    assert convert.path_of(uri, windows=True) == path
    assert convert.path_of(convert.uri_of(path, windows=True), windows=True) == path


def test_windows_paths_are_quoted_as_vs_code_does() -> None:
    assert convert.uri_of("C:\\a b\\c#.py", windows=True) == "file:///c%3A/a%20b/c%23.py"


@given(st.binary(min_size=1, max_size=30).filter(lambda name: b"\0" not in name and b"/" not in name))
def test_any_path_survives_the_way_there_and_back(name: bytes) -> None:
    path = "/work/" + name.decode("utf-8", "surrogateescape")
    if name not in (b".", b".."):
        assert convert.path_of(convert.uri_of(path, windows=False), windows=False) == path


class Whole:
    """Places in one text."""

    source = Source(b"class A:\n    def b(self):\n        pass\n\n    c = 1\n\ndef d():\n    pass\n")

    def locate(self, path: str, version: int | None, span: Span, line: int) -> tuple[str, object, object]:
        source = self.source
        return convert.uri_of(path), source.range(span, "utf-16"), source.line(span, line, "utf-16")


def definition(name: str, kind: str, start: int, end: int) -> WireSymbol:
    first = Whole.source.data.count(b"\n", 0, start) + 1
    last = Whole.source.data.count(b"\n", 0, end) + 1
    return WireSymbol(name, kind, "", "/w/a.py", "/w", first, Span(start, end, first, last), 1.0, None)


def test_definitions_of_a_document_become_a_tree() -> None:
    data = Whole.source.data
    found = [
        definition("d", "function", data.index(b"def d"), len(data)),
        definition("A", "class", 0, data.index(b"\ndef d") - 1),
        definition("c", "field", data.index(b"c = 1"), data.index(b"c = 1") + 5),
        definition("b", "method", data.index(b"def b"), data.index(b"pass") + 4),
    ]
    top = convert.document_symbols(found, Whole())  # type: ignore[arg-type]
    assert [(one.name, [child.name for child in one.children or []]) for one in top] == [
        ("A", ["b", "c"]),
        ("d", []),
    ]
    assert [one.selection_range.start.line for one in (*top, *(top[0].children or []))] == [0, 6, 1, 4]
    for one in (*top, *(top[0].children or [])):
        assert one.range.start <= one.selection_range.start <= one.selection_range.end <= one.range.end


def test_every_kind_has_a_kind_of_the_protocol() -> None:
    assert convert.symbol_kind("method") == SymbolKind.Method
    assert convert.symbol_kind("something new") == SymbolKind.Variable


# Settings of editors.


@pytest.mark.parametrize(
    ("raw", "sections"),
    [
        (None, {}),
        ([], {}),
        ("text", {}),
        ({"search": {"limit": 5}}, {"search": {"limit": 5}}),
        ({"conexus": {"scope": {"maxFileBytes": 7}}}, {"scope": {"max_file_bytes": 7}}),
        ({"search": None, "scope": {"hidden": None}}, {"scope": {"hidden": None}}),
        ({"search": 5}, {"search": 5}),
    ],
)
def test_settings_are_read_in_any_spelling(raw: object, sections: object) -> None:
    assert options.read(raw) == sections


def test_settings_lie_over_one_another_key_by_key() -> None:
    above = {"search": {"limit": 5}, "scope": {"hidden": None}}
    below = {"search": {"limit": 1}, "scope": {"hidden": False, "generated": True}, "lsp": {"x": 1}}
    assert options.over(above, below) == {
        "search": {"limit": 5},
        "scope": {"hidden": False, "generated": True},
        "lsp": {"x": 1},
    }
