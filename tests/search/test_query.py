from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conexus.search.query import Intent, SearchRequest, plan


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
    assert plan(SearchRequest("tests for the upload retry")).wants_tests
    assert not plan(SearchRequest("contest rules")).wants_tests


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    plan(SearchRequest(text))
    plan(SearchRequest(f"path:{text} x", paths=(text,))).filters.admits("a/b.py", "python")
