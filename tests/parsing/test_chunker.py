"""How definitions become chunks."""

from __future__ import annotations

import json

from conexus.parsing.chunker import LARGEST_CHUNK, parse


def texts(source: bytes, language: str):
    parsed = parse(source, language)
    return [(chunk.symbol, source[chunk.span.start : chunk.span.end].decode()) for chunk in parsed.chunks]


def function(name: str, lines: int, indent: str = "") -> str:
    body = "".join(f"{indent}    total += compute_step({n}, total)\n" for n in range(lines))
    return f"{indent}# Adds up for {name}.\n{indent}@cached\n{indent}def {name}(total):\n{body}{indent}    return total\n\n"


def test_a_definition_that_fits_stays_whole_with_comment_and_decorator():
    source = (function("first", 30) + function("second", 35)).encode()
    chunks = texts(source, "python")
    assert [symbol for symbol, _ in chunks] == ["first", "second"]
    assert chunks[1][1].startswith("# Adds up for second.\n@cached\ndef second")


def test_a_long_function_is_cut_between_statements_and_keeps_its_symbol():
    chunks = texts(function("long", 150).encode(), "python")
    assert len(chunks) > 2
    assert {symbol for symbol, _ in chunks} == {"long"}
    assert all(text.startswith(("# Adds", "    total", "    return")) for _, text in chunks)


def test_a_large_class_is_cut_into_header_and_members():
    header = '"""Does much."""\n\n    limit = 1\n\n'
    source = ("class Big:\n    " + header + "".join(function(f"m{n}", 22, "    ") for n in range(4))).encode()
    chunks = texts(source, "python")
    assert [symbol for symbol, _ in chunks][-3:] == ["Big.m1", "Big.m2", "Big.m3"]
    assert chunks[0][1].startswith("class Big:")
    assert all(text.startswith("    # Adds up") for _, text in chunks[1:])


def test_small_methods_of_a_large_class_share_chunks_named_by_the_class():
    source = ("class Wide:\n" + "".join(function(f"m{n}", 2, "    ") for n in range(40))).encode()
    parsed = parse(source, "python")
    assert {(chunk.symbol, chunk.kind) for chunk in parsed.chunks} == {("Wide", "class")}
    assert len(parsed.chunks) < 8
    assert len(parsed.symbols) == 41


def test_a_big_definition_is_not_glued_to_its_small_neighbour():
    source = ("A = 1\n" * 50 + "\n" + function("big", 28)).encode()
    assert [symbol for symbol, _ in texts(source, "python")] == ["A", "big"] or texts(source, "python")[-1][
        0
    ] == "big"
    assert texts(source, "python")[-1][1].startswith("# Adds up for big")


def test_a_comment_after_an_empty_line_belongs_to_the_file():
    symbols = parse(b"# License text.\n\ndef f():\n    pass\n", "python").symbols
    assert [(s.name, s.span.start_line) for s in symbols] == [("f", 3)]


def test_a_documentation_comment_belongs_to_what_follows_it_after_an_empty_line_too():
    source = b"var a = 1;\n\n/**\n * Sends it.\n */\n\nres.send = function (body) {};\n"
    assert [(s.name, s.line, s.span.start_line) for s in parse(source, "javascript").symbols] == [
        ("a", 1, 1),
        ("send", 7, 3),
    ]


def test_a_long_documentation_comment_is_named_as_what_it_documents():
    comment = "/**\n" + " * Says much about how the body is sent, and when it is not.\n" * 30 + " */\n\n"
    body = "  this.write(body, encoding, listener);\n" * 30
    source = f"var a = 1;\n\n{comment}res.send = function (body) {{\n{body}}};\n".encode()
    chunks = texts(source, "javascript")
    assert len(chunks) > 1
    assert {symbol for symbol, _ in chunks} == {"res.send"}


def test_a_comment_before_everything_belongs_to_the_file_whatever_it_looks_like():
    source = b"/**\n * All rights reserved.\n */\n\nfunction f() {}\n"
    assert [(s.name, s.span.start_line) for s in parse(source, "javascript").symbols] == [("f", 5)]


def test_a_kotlin_annotation_of_one_argument_belongs_to_what_follows():
    source = (
        b"/** Reads. */\n@OptIn(InternalAPI::class)\nfun Channel.read(min: Int): Int {\n    return min\n}\n"
    )
    assert [(s.name, s.line, s.span.start_line) for s in parse(source, "kotlin").symbols] == [("read", 3, 1)]


def test_a_comment_at_the_end_of_a_line_belongs_to_that_line():
    symbols = parse(b"a = 1  # one\ndef f():\n    pass\n", "python").symbols
    assert [(s.name, s.span.start_line) for s in symbols] == [("a", 1), ("f", 2)]


def test_definitions_are_found_between_syntax_errors():
    source = b"def good():\n    return 1\n\n)))) ???\n\nclass Also:\n    def fine(self):\n        pass\n"
    assert {"good", "Also", "Also.fine"} <= {s.qualified for s in parse(source, "python").symbols}


def test_locals_are_no_symbols():
    source = b"def f():\n    x = 1\n    def g():\n        y = 2\n    return g\n"
    assert [s.qualified for s in parse(source, "python").symbols] == ["f", "f.g"]


def test_a_large_statement_is_cut_at_low_indentation():
    rows = "".join(f"    {{\n        'id': {n},\n        'name': 'row',\n    }},\n" for n in range(80))
    chunks = texts(f"ROWS = [\n{rows}]\n".encode(), "python")
    assert all(text.startswith("    {\n") for _, text in chunks[1:])
    assert {symbol for symbol, _ in chunks} == {"ROWS"}


def test_text_is_cut_at_empty_lines():
    paragraph = "some words of a paragraph that goes on\n" * 6 + "\n"
    chunks = texts((paragraph * 20).encode(), "text")
    assert all(text.startswith("some") and text.endswith("\n\n") for _, text in chunks)
    assert {symbol for symbol, _ in chunks} == {""}


def test_large_json_is_cut_by_its_keys():
    data = {f"section{n}": {f"key{m}": "x" * 40 for m in range(40)} for n in range(4)}
    source = json.dumps(data, indent=2).encode()
    parsed = parse(source, "json")
    assert [s.qualified for s in parsed.symbols] == [f"section{n}" for n in range(4)]
    assert {chunk.symbol.split(".")[0] for chunk in parsed.chunks} <= {"", *data}


def test_huge_data_is_cut_by_lines_and_says_so():
    source = json.dumps([{"id": n} for n in range(40_000)], indent=1).encode()
    parsed = parse(source, "json")
    assert "cut by lines" in parsed.note
    assert parsed.symbols == ()
    assert parsed.chunks[-1].span.end == len(source)


def notebook(*cells: dict) -> bytes:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4}, indent=1).encode()


def test_a_notebook_has_a_chunk_a_cell():
    source = notebook(
        *(
            {"cell_type": "code", "source": [f"def f{n}():\n", f"    return {n}  # {'x' * 300}"]}
            for n in range(3)
        )
    )
    parsed = parse(source, "notebook")
    assert [chunk.symbol for chunk in parsed.chunks] == ["f0", "f1", "f2"]
    first = parsed.symbols[0].span
    assert source[first.start : first.end].startswith(b'"def f0():\\n"')


def test_outputs_of_a_large_cell_are_apart_from_its_source():
    code = {"cell_type": "code", "source": "x = 1\n", "outputs": [{"data": {"image/png": "A" * 5000}}]}
    parsed = parse(notebook(code), "notebook")
    assert all(c.span.end - c.span.start <= LARGEST_CHUNK for c in parsed.chunks)
    assert [s.name for s in parsed.symbols] == ["x"]


def test_a_notebook_of_another_language_or_none_has_its_cells():
    cell = {"cell_type": "code", "source": "int x;"}
    odd = json.dumps(
        {
            "cells": [cell, {"cell_type": "code", "source": [1]}],
            "metadata": {"kernelspec": {"language": "brainf"}},
        }
    )
    assert parse(odd.encode(), "notebook").symbols == ()
    ruby = json.dumps(
        {
            "cells": [{"cell_type": "code", "source": "def f\nend"}],
            "metadata": {"language_info": {"name": "Ruby"}},
        }
    )
    assert [s.name for s in parse(ruby.encode(), "notebook").symbols] == ["f"]


def test_broken_notebooks_are_cut_by_lines():
    for source in (b'{"cells": [', b"[]", b"{}", b'{"cells": 1}', b"not json", b"[" * 9000, b'{"a":"\\x"}'):
        parsed = parse(source, "notebook")
        assert "cut by lines" in parsed.note
        assert parsed.chunks[-1].span.end == len(source)


def test_markdown_sections_nest_and_fences_hide_headings():
    source = b"# One\n\ntext\n\n```\n# not\n```\n\n## Two [link](x) `code` ##\n\nThree\n=====\n"
    assert [s.qualified for s in parse(source, "markdown").symbols] == ["One", "One.Two link code", "Three"]


def test_unknown_languages_are_cut_by_lines():
    parsed = parse(b"void main() {}\n", "dart")
    assert (parsed.language, parsed.symbols, len(parsed.chunks)) == ("dart", (), 1)
