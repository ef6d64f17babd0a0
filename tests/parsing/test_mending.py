"""Files of which a grammar makes one error: what they define is found all the same."""

from __future__ import annotations

from conexus.parsing.chunker import LARGEST_CHUNK, parse

UNREADABLE = """\
static int choose(struct state *one)
{
#ifdef FAST
  if(one->fast) {
#else
  if(one->slow ||
#endif
    return 1;
out:
  return 0;
}

"""


def c_function(number: int) -> str:
    return (
        f"/* Adds step {number}. */\n"
        f"static int step_{number}(int total,\n                  int more)\n"
        f"{{\n  total += {number};\n  total += more;\n  return total;\n}}\n\n"
    )


def in_c(before: int, after: int) -> bytes:
    functions = [c_function(n) for n in range(before + after)]
    conditional = (
        "#ifdef ODD\nstatic int odd(void)\n#else\nstatic int odd(int one)\n#endif\n{\n  return 1;\n}\n\n"
    )
    return "".join([*functions[:before], conditional, UNREADABLE, *functions[before:]]).encode()


def test_functions_after_a_brace_in_both_branches_of_a_condition_are_found():
    source = in_c(3, 60)
    parsed = parse(source, "c")
    names = [symbol.name for symbol in parsed.symbols]
    assert [name for name in names if name.startswith("step_")] == [f"step_{n}" for n in range(63)]
    assert b"".join(source[c.span.start : c.span.end] for c in parsed.chunks) == source


def test_where_a_definition_stands_is_told_in_the_text_as_it_is():
    source = in_c(1, 60)
    last = parse(source, "c").symbols[-1]
    assert last.name == "step_60"
    assert source[last.span.start : last.span.end].decode() == c_function(60).rstrip()
    assert source.splitlines()[last.line - 1].startswith(b"static int step_60(")


def in_kotlin(odd: str) -> bytes:
    methods = "".join(
        f"    /** Says {n}. */\n    fun say{n}(\n        text: String\n    ): String {{\n        return text\n    }}\n\n"
        for n in range(50)
    )
    large = "\n".join(f"        total += {n}" for n in range(200))
    return (
        f"internal class Speaker(\n    private val name: String\n) : Base(name) {{\n    private val kind = 1\n\n"
        f"    fun odd(it: Any): Int = when (it) {{\n        {odd} -> 1\n        else -> 2\n    }}\n\n{methods}"
        f"    fun large(): Int {{\n        var total = 0\n{large}\n        return total\n    }}\n}}\n"
    ).encode()


def test_members_keep_their_class_where_a_body_has_syntax_newer_than_the_grammar():
    plain, odd = in_kotlin("is Int"), in_kotlin("is Int if it > 3")
    expected = [(s.qualified, s.kind) for s in parse(plain, "kotlin").symbols]
    assert ("Speaker.say49", "method") in expected
    assert [(s.qualified, s.kind) for s in parse(odd, "kotlin").symbols] == expected


def test_what_is_blanked_for_the_grammar_is_cut_and_named_all_the_same():
    source = in_kotlin("is Int if it > 3")
    chunks = parse(source, "kotlin").chunks
    assert all(chunk.span.end - chunk.span.start <= LARGEST_CHUNK for chunk in chunks)
    large = [chunk for chunk in chunks if b"total += 1" in source[chunk.span.start : chunk.span.end]]
    assert len(large) > 1
    assert {chunk.symbol for chunk in large} == {"Speaker.large"}


def test_a_text_that_stays_unreadable_is_cut_as_it_was():
    source = b"class A {\n" + b"  ) ( ] = ??? 7 ;\n" * 300
    parsed = parse(source, "cpp")
    assert b"".join(source[c.span.start : c.span.end] for c in parsed.chunks) == source


def test_lines_that_all_open_and_never_close_take_no_time():
    source = b"".join(b" " * n + b"if (a) {\n" for n in range(1_500))
    assert parse(b"int f( {\n" + source, "c").chunks
