from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conexus.search.query import Exact, Filters, Intent, SearchRequest, plan


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("HttpClient.send", Intent.SYMBOL),
        ("retry_failed_uploads()", Intent.SYMBOL),
        ("std::vector::push_back", Intent.SYMBOL),
        ("uploads", Intent.SYMBOL),
        ("net/upload.py", Intent.PATH),
        ("upload.py", Intent.PATH),
        ("src/net/", Intent.PATH),
        ("/usr/local/lib", Intent.PATH),
        ("src/main.c:10:4", Intent.PATH),
        ("for (int i = 0; i < n; i++) {", Intent.CODE),
        ("self.items[item] = self.items.get(item, 0) + 1", Intent.CODE),
        ("def send(self, request):", Intent.CODE),
        ("lang:py\n\ndef send(self):\n    return self.client.send()\n", Intent.CODE),
        ("fn main() {\n    let x = 1;\n}", Intent.CODE),
        ("I want to\nfind the place where\nthings are (mostly) done", Intent.PROSE),
        ("what does foo() do with bar()?", Intent.PROSE),
        ('"exactly this"', Intent.EXACT),
        ("/exactly (this|that)/i lang:go", Intent.EXACT),
        ('"exactly this" HttpClient', Intent.SYMBOL),
        ('where is "exactly this" said', Intent.PROSE),
        ("where do we retry failed uploads", Intent.PROSE),
        ("how does HttpClient.send work?", Intent.PROSE),
        ("", Intent.PROSE),
    ],
)
def test_intent(text: str, intent: Intent) -> None:
    assert plan(SearchRequest(text)).intent is intent


def test_filters_are_taken_out_of_the_text() -> None:
    query = plan(
        SearchRequest('path:src/auth token -path:tests lang:py,ts kind:function file:"my dir" refresh')
    )
    assert query.text == "token refresh"
    assert query.filters.paths == ("src/auth", "my dir")
    assert query.filters.exclude_paths == ("tests",)
    assert query.filters.languages == {"python", "typescript"}
    assert query.filters.kinds == {"function"}


def test_flags_and_inline_filters_add_up() -> None:
    query = plan(SearchRequest("x lang:go", languages=("Rust",), paths=("a",)))
    assert query.filters.languages == {"go", "rust"}
    assert query.filters.paths == ("a",)


@pytest.mark.parametrize(
    ("pattern", "path", "admitted"),
    [
        ("auth", "src/Auth/token.py", True),
        ("auth", "src/token.py", False),
        ("*.py", "src/token.py", True),
        ("*.py", "src/token.pyi", False),
        ("src/*.py", "src/deep/token.py", False),
        ("src/**/*.py", "src/deep/er/token.py", True),
        ("src/**/*.py", "src/token.py", True),
        ("src/**", "src/a/b", True),
        ("tok?n.py", "src/token.py", True),
        ("app/[id]/page.tsx", "app/[id]/page.tsx", True),
        ("./src", "src/x.py", True),
        ("te*/", "tests/a.py", True),
    ],
)
def test_path_filters(pattern: str, path: str, admitted: bool) -> None:
    assert plan(SearchRequest("x", paths=(pattern,))).filters.admits(path, "python") is admitted
    assert plan(SearchRequest("x", exclude_paths=(pattern,))).filters.admits(path, "python") is not admitted


def test_empty_words_go_unless_nothing_is_left() -> None:
    assert plan(SearchRequest("how does the client retry")).words == ("client", "retry")
    assert plan(SearchRequest("what is this")).words == ("what", "is", "this")


def test_identifiers_in_prose() -> None:
    query = plan(SearchRequest("why does HttpClient.send drop max_size and fooBar"))
    assert query.identifiers == ("HttpClient.send", "max_size", "fooBar")


def test_asking_for_tests() -> None:
    for text in (
        "tests for the upload retry",
        "unit tests",
        "integration tests with a database",
        "e2e test login",
        "how do we test the cache",
        "Show me the tests",
        "find all tests with a database",
    ):
        assert plan(SearchRequest(text)).wants_tests
    # The last asks how code tells, and in a test framework the first is what the code does.
    for text in (
        "how are tests run",
        "how does the runner find tests",
        "contest rules",
        "how to test if two files are the same",
    ):
        assert not plan(SearchRequest(text)).wants_tests


@pytest.mark.parametrize(
    ("text", "exact", "rest"),
    [
        ('"a phrase" and more', [Exact("a phrase")], "and more"),
        (r'"say \"hi\" \\ twice"', [Exact(r'say "hi" \ twice')], ""),
        ("/re(try|turn)/", [Exact("re(try|turn)", is_regex=True)], ""),
        (r"/a\/b/gi x", [Exact("a/b", is_regex=True, flags="i")], "x"),
        ("/[/]x/s", [Exact("[/]x", is_regex=True, flags="s")], ""),
        ('"b" /c d/ "b"', [Exact("b"), Exact("c d", is_regex=True)], ""),
        ('"path:src"', [Exact("path:src")], ""),
        ('an "open phrase', [], 'an "open phrase'),
        ("either/or and/or", [], "either/or and/or"),
        ("read / write / execute", [], "read / write / execute"),
        ("from /tmp or / on", [], "from /tmp or / on"),
        ('f("x", "y")', [], 'f("x", "y")'),
        ('""', [], '""'),
        ('" "', [], ""),
    ],
)
def test_phrases_and_expressions(text: str, exact: list[Exact], rest: str) -> None:
    query = plan(SearchRequest(text))
    assert list(query.exact) == exact
    assert query.text == rest


def test_what_is_exact_still_has_meaning() -> None:
    query = plan(SearchRequest(r'"rate limit" /retry_\w+\(now/ uploads'))
    assert query.meaning == "uploads rate limit retry_ (now"
    assert query.words == ("uploads", "rate", "limit", "retry", "now")


def test_in_pasted_code_only_filters_before_it_count() -> None:
    code = 'def send(path:str):\n    kind:Kind = "exactly"\n    return kind /x/ path\n'
    query = plan(SearchRequest(f"path:src -lang:go {code}"))
    assert query.intent is Intent.CODE
    assert query.filters == Filters(paths=("src",), exclude_languages=frozenset({"go"}))
    assert query.text == code.rstrip()
    assert query.exact == ()


def test_before_a_long_text_only_filters_count() -> None:
    for long in ("a word " * 1_000, "a line\n" * 1_000):
        query = plan(SearchRequest(f'path:src -lang:go {long} path:docs "a phrase"'))
        assert (query.filters.paths, query.filters.exclude_languages) == (("src",), frozenset({"go"}))
        assert query.text.startswith("a ")
        assert not query.exact


def test_what_is_not_wanted() -> None:
    filters = plan(SearchRequest("-lang:md -kind:section,key -file:old x")).filters
    assert not filters.admits("a.md", "markdown")
    assert not filters.admits("old/a.py", "python")
    assert filters.admits("a.py", "python")
    assert filters.by_file
    assert not filters.admits_kind("key")
    assert filters.admits_kind("function")
    assert not plan(SearchRequest("kind:func")).filters.admits_kind("class")


@pytest.mark.parametrize("exact", [Exact('a "b" \\ c'), Exact("x/y", is_regex=True, flags="i")])
def test_what_is_shown_can_be_typed(exact: Exact) -> None:
    shown = exact.shown.replace("x/y", r"x\/y")
    assert plan(SearchRequest(shown)).exact == (exact,)


PIECES = st.sampled_from(
    [
        '"',
        "/",
        "\\",
        "path:",
        "-",
        "lang:",
        "kind:",
        "(",
        "[",
        "]",
        ")",
        "{",
        "\n",
        " ",
        "a",
        "B",
        ":",
        "i",
        "|",
        "é",
    ]
)


@given(st.lists(PIECES, max_size=60).map("".join))
def test_no_punctuation_is_an_error(text: str) -> None:
    query = plan(SearchRequest(text))
    query.filters.admits("a/b.py", "python")
    assert all(one.text.strip() for one in query.exact)


def test_long_texts_take_no_longer_than_they_are_long() -> None:
    for text in (
        "a" * 200_000,
        "/[ " * 70_000,
        '" ' * 100_000,
        "(" * 100_000,
        "x = 1;\n" * 30_000,
        "A" * 100_000 + "_",
    ):
        plan(SearchRequest(text))
        plan(SearchRequest(f"/{text}/"))


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    plan(SearchRequest(text))
    plan(SearchRequest(f"path:{text} x", paths=(text,))).filters.admits("a/b.py", "python")


def test_the_language_everything_is_in_tells_nothing() -> None:
    assert plan(SearchRequest("python list to string"), "python").words == ("list", "string")
    assert plan(SearchRequest("golang channel timeout"), "go").words == ("channel", "timeout")
    assert plan(SearchRequest("python list to string"), "java").words == ("python", "list", "string")
    assert plan(SearchRequest("PythonParser"), "python").words == ("python", "parser")
    assert plan(SearchRequest("what is python"), "python").words == ("python",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("where are secrets", "prose; words secrets"),
        ("HttpClient.send", "symbol; words http client send; names HttpClient.send"),
        (
            '/a.b/i path:"my dir" -kind:fn',
            'exact; words b; exact /a.b/i; filters path:"my dir" -kind:function',
        ),
        ("tests for retry", "prose; words tests retry; asks for tests"),
        ("?!", "prose"),
    ],
)
def test_how_it_was_read_is_said_in_a_line(text: str, said: str) -> None:
    assert plan(SearchRequest(text)).shown == said


def test_of_many_words_the_first_are_said() -> None:
    assert plan(SearchRequest("word " * 1_000)).shown.endswith("word word …")
