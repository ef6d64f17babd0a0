"""The lexicon against plain lists of texts."""

from __future__ import annotations

import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from conexus.store.lexicon import Lexicon
from conexus.store.settled import Settled

NAMES = st.lists(st.text(st.sampled_from("abcdeé_界😀 "), max_size=8), max_size=30).map(sorted)
NAME = st.text(st.sampled_from("abcdeé_界😀"), max_size=6)
LONG = st.text(st.sampled_from("eta_"), min_size=12, max_size=60)


@given(NAMES, NAME)
def test_it_finds_what_a_list_would(names: list[str], wanted: str) -> None:
    lexicon = Lexicon.of(names)
    assert list(lexicon) == names
    assert lexicon[1:3] == names[1:3]
    assert (lexicon.find(wanted) is not None) == (wanted in names) == (wanted in lexicon)
    found = lexicon.find(wanted)
    assert found is None or (lexicon[found] == wanted and wanted not in names[:found])
    begun = [at for at, name in enumerate(names) if name.startswith(wanted)]
    assert list(lexicon.beginning_with(wanted, 99)) == begun
    assert list(lexicon.beginning_with(wanted, 3)) == begun[:3]
    holding = [at for at, name in enumerate(names) if wanted and wanted in name]
    assert lexicon.containing(wanted, 99) == holding
    assert lexicon.containing(wanted, 3) == holding[:3]


@given(NAMES, NAME.filter(bool))
def test_patterns_are_found_name_by_name(names: list[str], wanted: str) -> None:
    pattern = re.compile(f"\n{re.escape(wanted[0])}.*{re.escape(wanted[-1])}")
    expected = [at for at, name in enumerate(names) if pattern.search(f"\n{name}")]
    assert list(Lexicon.of(names).matching(pattern, wanted[0])) == expected


@given(NAMES, NAME, st.sampled_from([0.5, 0.75, 0.8, 1.0]))
def test_no_similar_name_is_missed(names: list[str], wanted: str, least: float) -> None:
    like = set(Lexicon.of(names).like(wanted, least).tolist())
    assert like >= {at for at, name in enumerate(names) if fuzz.ratio(wanted, name) >= 100 * least}


@given(st.lists(LONG, max_size=30).map(sorted), LONG, st.sampled_from([0.5, 0.75]))
def test_no_similar_long_name_is_missed(names: list[str], wanted: str, least: float) -> None:
    like = set(Lexicon.of(names).like(wanted, least).tolist())
    assert like >= {at for at, name in enumerate(names) if fuzz.ratio(wanted, name) >= 100 * least}


def test_most_names_that_are_not_similar_are_left_out() -> None:
    names = sorted(
        f"{first}_{second}" for first in ("open", "close", "walk") for second in ("file", "tree", "sky")
    )
    assert {names[at] for at in Lexicon.of(names).like("open_fiel", 0.8)} == {"open_file"}


def test_names_of_the_same_characters_are_left_out_where_they_say_them_another_number_of_times() -> None:
    names = ["eeeeeeat", "eeeeteea", "teaaaaaa", "ttttttea"]
    assert {names[at] for at in Lexicon.of(names).like("eeeeeeta", 0.75)} == {"eeeeeeat", "eeeeteea"}


def test_more_of_a_character_than_is_counted_is_as_much_as_can_be_counted() -> None:
    # "e" and "o" are counted in one byte: what does not fit into a half of it must not count for the other.
    names = sorted(["e" * 40, "e" * 17, "o" * 17, "eo" * 10])
    lexicon = Lexicon.of(names)
    assert {names[at] for at in lexicon.like("e" * 39, 0.95)} == {"e" * 40}
    assert {names[at] for at in lexicon.like("e" * 15, 0.9)} == {"e" * 17}


def test_what_is_settled_is_read_once_an_arrangement_and_again_after_a_failure() -> None:
    settled, calls = Settled(), []

    def read(value: str) -> str:
        calls.append(value)
        if value == "broken":
            raise OSError(value)
        return value

    assert settled.get("places", 1, lambda: read("first")) == "first"
    assert settled.get("places", 1, lambda: read("again")) == "first"
    with pytest.raises(OSError, match="broken"):
        settled.get("places", 2, lambda: read("broken"))
    assert settled.get("places", 2, lambda: read("second")) == "second"
    assert settled.get("symbols", 2, lambda: read("other")) == "other"
    assert calls == ["first", "broken", "second", "other"]


def test_what_is_still_read_is_answered_from_before() -> None:
    settled, may_read = Settled(), threading.Event()

    def slow() -> str:
        assert may_read.wait(10)
        return "new"

    assert settled.get_now("symbols", 1, slow) is None
    assert not settled.is_read("symbols")
    may_read.set()
    assert settled.get("symbols", 1, slow) == "new"
    may_read.clear()
    assert settled.get_now("symbols", 2, slow) == "new"
    assert settled.get_now("symbols", 3, slow) == "new"
    assert settled.is_read("symbols")
    may_read.set()
    assert settled.get("symbols", 3, lambda: "newest") == "newest"
