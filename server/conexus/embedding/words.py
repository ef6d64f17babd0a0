"""Identifier-aware words: made once per chunk, used by full-text search and by the static model."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

# ASCII identifiers split at case and digit borders (the pattern the embedded model was trained with);
# any other letters stay together as one word.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
_lower: dict[str, str] = {}
_LOWER_LIMIT = 200_000


@frozen
class Passage:
    """What is embedded for one chunk: where it stands, what it says, and the words of both."""

    header: str
    content: str
    words: list[str]

    @property
    def text(self) -> str:
        """Return the header and content as one text, as a transformer reads it."""
        return f"{self.header}\n{self.content}"


def words(text: str) -> list[str]:
    """Return the lower-cased words of `text` in order: ``HttpClient.send2`` is http, client, send, 2."""
    return list(_lowered(_WORD.findall(text)))


def passage(path: str, symbol: str, content: str) -> Passage:
    """Return the passage of a chunk: the last three parts of `path` without suffix, `symbol`, `content`.

    The prefix is worth .057 nDCG@10 on function pools (shared/model/README.md).
    """
    stem = path.rpartition(".")[0] or path
    header = " ".join([*stem.split("/")[-3:], symbol]).rstrip()
    return Passage(header, content, words(f"{header} {content}"))


def _lowered(found: Iterable[str]) -> Iterable[str]:
    # str.lower on every word is half the cost of tokenising; code repeats its words.
    if len(_lower) > _LOWER_LIMIT:
        _lower.clear()
    for word in found:
        lowered = _lower.get(word)
        if lowered is None:
            lowered = _lower[word] = sys.intern(word.lower())
        yield lowered
