"""What full-text search counts: words without their endings, and names said more than once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from conexus.embedding.words import words

if TYPE_CHECKING:
    from collections.abc import Iterable

TERMS_VERSION = 4
"""Rises when `terms` gives others for some chunk, as it does when `words` gives other words."""

# Longest first; a rule applies once. Light on purpose, after the S-stemmer (Harman, JASIS 1991) with the two
# verb endings that names of code take: a heavy stemmer joins names that mean different things.
_ENDINGS = (
    ("sses", "ss"), ("edly", ""), ("ies", "y"), ("ied", "y"), ("ing", ""), ("ers", "er"), ("es", "e"), ("ed", ""),
    ("s", ""),
)  # fmt: skip
# Only those with a word's last letter can be its ending: most words need no further look.
_ENDINGS_BY_LAST = {last: tuple(pair for pair in _ENDINGS if pair[0][-1] == last) for last in "sydg"}
_SHORTEST = 3
_MEMO_WORDS = 1 << 17

# BM25F (Robertson, Zaragoza and Taylor, CIKM 2004) with its fields folded into one: what a name says counts
# as if the text said it so many times more. Measured in docs/ranking.md. A passage says its symbol twice already,
# which is a third time here.
_FILE_NAME_SAID = 3


def stem(word: str) -> str:
    """Return `word` (lower case) without its ending; words that share a stem mean the same in a question."""
    return _term_of(word)[:-1]


def stems(found: Iterable[str]) -> list[str]:
    """Return the stem of each word, in order."""
    return list(map(stem, found))


def terms(found: Iterable[str]) -> str:
    """Return what is counted of a text with the words `found`: the stem of each, with a space after it."""
    return "".join(map(_term_of, found))


def terms_of_names(path: str, symbol: str) -> str:
    """Return what is counted of a chunk beside its passage's words, for what its file and its symbol are called."""
    said = _terms_of_file_name(path)
    return said + terms(words(symbol)) if symbol else said


# The chunks of a file come one after the other.
@lru_cache(maxsize=64)
def _terms_of_file_name(path: str) -> str:
    name = path.rpartition("/")[2]
    return terms(words(name.rpartition(".")[0] or name)) * _FILE_NAME_SAID


class _Memo(dict[str, str]):
    """The terms of words met lately; at most some 20 MB, as it is emptied when full."""

    def __missing__(self, word: str) -> str:
        if len(self) >= _MEMO_WORDS:
            self.clear()
        found = self[word] = f"{_stem(word)} "
        return found


_term_of = _Memo().__getitem__


def _stem(word: str) -> str:
    if word[-1:] in _ENDINGS_BY_LAST:
        word = _without_ending(word)
    if word.endswith("e") and len(word) > _SHORTEST + 1:
        word = word[:-1]
    if len(word) > _SHORTEST and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word


def _without_ending(word: str) -> str:
    if word.endswith("ss"):
        return word
    for ending, instead in _ENDINGS_BY_LAST[word[-1]]:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            return word[: -len(ending)] + instead
    return word
