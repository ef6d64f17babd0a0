"""The words a static model knows, and passages as counts over them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from functools import cache, cached_property
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from conexus.embedding.embedder import ModelUnavailableError
from conexus.embedding.terms import stems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from conexus.embedding.words import Passage

EMBEDDED_MODEL = Path(__file__).parent / "model"
"""The directory of the model this package carries."""
VOCABULARY_FILE = "vocab.txt"


@frozen(eq=False)
class Bags:
    """The known words of n passages, each word once a passage, with its count: sparse rows.

    Those of passage i are `rows[starts[i]:starts[i + 1]]`, in order of first occurrence.
    """

    rows: NDArray[np.int32]
    """Vocabulary rows, int32[k]."""
    counts: NDArray[np.int32]
    """How often the word occurs in its passage, int32[k]."""
    starts: NDArray[np.int64]
    """int64[n + 1]."""

    def __len__(self) -> int:
        return len(self.starts) - 1


class Vocabulary:
    """Words and their rows: the row of a word is its line in the vocabulary file, from 0."""

    def __init__(self, words: Iterable[str]) -> None:
        """Take the words in row order. Raises ValueError if one occurs twice."""
        self.words = tuple(words)
        self.rows: Mapping[str, int] = dict(zip(self.words, range(len(self.words)), strict=True))
        if len(self.rows) != len(self.words):
            raise ValueError("a word occurs twice in the vocabulary")

    @classmethod
    def load(cls, directory: Path) -> Vocabulary:
        """Read the vocabulary of the static model in `directory`; raise ModelUnavailableError."""
        path = directory / VOCABULARY_FILE
        try:
            # Interned, these are the very objects `words` makes: look-ups compare pointers.
            return cls(map(sys.intern, path.read_text(encoding="utf-8").split()))
        except (OSError, ValueError) as error:
            raise ModelUnavailableError(
                str(directory), f"{path} cannot be read: {error}", "restore the file or choose another model"
            ) from error

    def __len__(self) -> int:
        return len(self.words)

    def bags(self, passages: Sequence[Passage]) -> Bags:
        """Count the known words of each passage."""
        return self.bags_of_words([passage.words for passage in passages])

    def bags_of_words(self, texts: Iterable[Iterable[str]]) -> Bags:
        """Count the known words of each text, given as its words."""
        rows: list[int] = []
        counts: list[int] = []
        starts = [0]
        row, unknown = self.rows.get, repeat(-1)
        for text in texts:
            counter = Counter(text)
            rows.extend(map(row, counter, unknown))
            counts.extend(counter.values())
            starts.append(len(rows))
        return _without_unknown(
            np.array(rows, np.int32), np.array(counts, np.int32), np.array(starts, np.int64)
        )

    @property
    def terms(self) -> Mapping[str, int]:
        """The terms of full-text search that these words have, by number; made at the first look: it takes 40 ms."""
        return _Terms(self)

    def document_frequencies(self, bags: Bags) -> NDArray[np.int32]:
        """Return in how many of the bags each of `terms` occurs, int32[terms]; they add up over batches."""
        numbers, term_of_row = self.numbered
        small = len(bags) * len(numbers) < np.iinfo(np.int32).max
        passage = np.arange(len(bags), dtype=np.int32 if small else np.int64) * len(numbers)
        keys = np.repeat(passage, np.diff(bags.starts)) + term_of_row[bags.rows].astype(passage.dtype)
        # Words that share a stem are one term, and count once a passage. Sorting in place takes a quarter of
        # the time of `np.unique`.
        keys.sort()
        distinct = keys[np.diff(keys, prepend=-1) != 0]
        return np.bincount(distinct % len(numbers), minlength=len(numbers)).astype(np.int32)

    @cached_property
    def numbered(self) -> tuple[dict[str, int], NDArray[np.int64]]:
        """Term → number, and the number of each row's term, int64[len(self)]."""
        numbers: dict[str, int] = {}
        of_row = [numbers.setdefault(term, len(numbers)) for term in stems(self.words)]
        return numbers, np.array(of_row, np.int64)


class _Terms(Mapping[str, int]):
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def __bool__(self) -> bool:
        # Not by the length, which is known only when the terms are made.
        return bool(self._vocabulary.words)

    def __getitem__(self, term: str) -> int:
        return self._vocabulary.numbered[0][term]

    def __iter__(self) -> Iterator[str]:
        return iter(self._vocabulary.numbered[0])

    def __len__(self) -> int:
        return len(self._vocabulary.numbered[0])


def document_frequencies(
    passages: Sequence[Passage], vocabulary: Vocabulary | None = None
) -> NDArray[np.int32]:
    """Return in how many passages each term of `vocabulary` (default: the embedded one) occurs.

    Who embeds the same passages with a static model makes the bags once and uses them for both:
    `Vocabulary.bags`, `StaticEmbedder.embed_bags`, `Vocabulary.document_frequencies`.
    """
    vocabulary = vocabulary or embedded_vocabulary()
    return vocabulary.document_frequencies(vocabulary.bags(passages))


@cache
def embedded_vocabulary() -> Vocabulary:
    """Return the vocabulary of the embedded model, read once per process."""
    return Vocabulary.load(EMBEDDED_MODEL)


def _without_unknown(rows: NDArray[np.int32], counts: NDArray[np.int32], starts: NDArray[np.int64]) -> Bags:
    known = rows >= 0
    before = np.concatenate(([0], np.cumsum(known)))
    return Bags(rows[known], counts[known], before[starts])
