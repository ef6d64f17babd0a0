"""Word endings that do not change what is asked: redirects and redirect, handling and handle."""

from __future__ import annotations

from functools import lru_cache

# Longest first; a rule applies once. Light on purpose, after the S-stemmer (Harman, JASIS 1991) with the two
# verb endings that names of code take: a heavy stemmer joins names that mean different things.
_ENDINGS = (
    ("sses", "ss"), ("edly", ""), ("ies", "y"), ("ing", ""), ("ers", "er"), ("es", "e"), ("ed", ""), ("s", ""),
)  # fmt: skip
_SHORTEST = 3


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Return `word` (lower case) without its ending; words that share a stem mean the same in a question."""
    word = _without_ending(word)
    if word.endswith("e") and len(word) > _SHORTEST + 1:
        word = word[:-1]
    if len(word) > _SHORTEST and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word


def _without_ending(word: str) -> str:
    if word.endswith("ss"):
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            return word[: -len(ending)] + instead
    return word
