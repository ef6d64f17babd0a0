from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conexus.embedding.terms import stem, stems, terms, terms_of_names
from conexus.embedding.words import passage, words


@pytest.mark.parametrize(
    "same",
    [
        ("retry", "retries"),
        ("redirect", "redirects", "redirected", "redirecting"),
        ("cache", "caches", "cached", "caching"),
        ("stop", "stopped", "stopping"),
        ("handler", "handlers"),
        ("apply", "applies", "applied", "applying"),
    ],
)
def test_words_that_differ_in_their_ending_share_a_stem(same: tuple[str, ...]) -> None:
    assert len(set(stems(same))) == 1


@pytest.mark.parametrize("word", ["class", "process", "bus", "is", "red", "ing", "2", "获取"])
def test_what_only_looks_like_an_ending_stays(word: str) -> None:
    assert stem(word) == word


@given(st.text(max_size=40))
def test_a_stem_is_never_empty(text: str) -> None:
    assert all(map(stem, words(text)))


def test_names_count_more_often_than_the_text_says_them() -> None:
    path, symbol = "src/uploads/retry_policy.py", "RetryPolicy.delays"
    said = words(passage(path, symbol, "return the delays").encoded.decode())
    found = terms(said).split()
    assert found == stems(said)
    found += terms_of_names(path, symbol).split()
    counts = {term: found.count(term) for term in ("retry", "policy", "delay", "upload", "return")}
    # Once in the path, three times more for the file's name, and three times in all for the symbol's.
    assert counts == {"retry": 7, "policy": 7, "delay": 4, "upload": 1, "return": 1}
