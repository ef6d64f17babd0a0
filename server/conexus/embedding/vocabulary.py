"""The words a static model knows, and passages as counts over them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from conexus.embedding.embedder import ModelUnavailableError
from conexus.embedding.terms import stems, terms
from conexus.embedding.words import RunMemo, Runs, split, with_breaks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from conexus.embedding.words import Passage

EMBEDDED_MODEL = Path(__file__).parent / "model"
"""The directory of the model this package carries."""
VOCABULARY_FILE = "vocab.txt"
_MEMO_WORDS = 1 << 17
_ROW = struct.Struct("=i")


@frozen(eq=False)
class Bags:
    """The known words of n passages, each word once a passage, with its count: sparse rows.

    Those of passage i are `rows[starts[i]:starts[i + 1]]`, in order.
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
        self._packed = _Packed(self.rows).__getitem__
        self._reading_of_run = RunMemo(self._read_run).__getitem__

    @classmethod
    def load(cls, directory: Path) -> Vocabulary:
        """Read the vocabulary of the static model in `directory`; raise ModelUnavailableError."""
        path = directory / VOCABULARY_FILE
        try:
            return cls(path.read_text(encoding="utf-8").split())
        except (OSError, ValueError) as error:
            raise ModelUnavailableError(
                str(directory), f"{path} cannot be read: {error}", "restore the file or choose another model"
            ) from error

    def __len__(self) -> int:
        return len(self.words)

    def bags(self, passages: Sequence[Passage]) -> Bags:
        """Count the known words of each passage."""
        runs = _runs([passage.encoded for passage in passages])
        return self.counted(runs, self.read(runs)[1])

    def read(self, runs: Runs) -> tuple[list[str], list[bytes]]:
        """Return of each distinct run what full-text search counts, and the rows of its known words, int32, as bytes."""
        readings = list(map(self._reading_of_run, runs.distinct))
        return [said for said, _ in readings], [known for _, known in readings]

    def counted(self, runs: Runs, known: Sequence[bytes]) -> Bags:
        """Count the known words of each text that `runs` are of, given the rows that `read` found for them."""
        rows, starts = _spread(runs, known)
        keys = _keys(np.diff(starts), rows, len(self))
        # Sorted in place, equal keys stand together: a fraction of the time that counting takes in Python.
        keys.sort()
        firsts = np.flatnonzero(np.diff(keys, prepend=-1))
        distinct = keys[firsts]
        texts = np.arange(len(starts), dtype=keys.dtype) * len(self)
        begins = np.searchsorted(distinct, texts)
        distinct -= np.repeat(texts[:-1], np.diff(begins))
        counts = np.diff(firsts, append=len(keys)).astype(np.int32)
        return Bags(distinct.astype(np.int32, copy=False), counts, begins)

    @property
    def terms(self) -> Mapping[str, int]:
        """The terms of full-text search that these words have, by number; made at the first look: it takes 40 ms."""
        return _Terms(self)

    def document_frequencies(self, bags: Bags) -> NDArray[np.int32]:
        """Return in how many of the bags each of `terms` occurs, int32[terms]; they add up over batches."""
        numbers, term_of_row = self.numbered
        keys = _keys(np.diff(bags.starts), term_of_row[bags.rows], len(numbers))
        # Words that share a stem are one term, and count once a passage. Sorting in place takes a quarter of
        # the time of `np.unique`.
        keys.sort()
        distinct = keys[np.diff(keys, prepend=-1) != 0]
        return np.bincount(distinct % len(numbers), minlength=len(numbers)).astype(np.int32)

    @cached_property
    def numbered(self) -> tuple[dict[str, int], NDArray[np.int32]]:
        """Term → number, and the number of each row's term, int32[len(self)]."""
        numbers: dict[str, int] = {}
        of_row = [numbers.setdefault(term, len(numbers)) for term in stems(self.words)]
        return numbers, np.array(of_row, np.int32)

    def _read_run(self, run: bytes) -> tuple[str, bytes]:
        words = split(run)
        return terms(words), b"".join(map(self._packed, words))


class _Packed(dict[str, bytes]):
    """The rows of words met lately, as bytes; at most some 20 MB, as it is emptied when full."""

    def __init__(self, rows: Mapping[str, int]) -> None:
        super().__init__()
        self._rows = rows

    def __missing__(self, word: str) -> bytes:
        if len(self) >= _MEMO_WORDS:
            self.clear()
        row = self._rows.get(word)
        packed = self[word] = b"" if row is None else _ROW.pack(row)
        return packed


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


def _runs(texts: Iterable[bytes]) -> Runs:
    numbers: dict[bytes, int] = {}
    found: list[int] = []
    starts = [0]
    for text in texts:
        found += [numbers.setdefault(run, len(numbers)) for run in with_breaks(text).split()]
        starts.append(len(found))
    return Runs(list(numbers), np.array(found, np.int32), np.array(starts, np.int32))


def _spread(runs: Runs, known: Sequence[bytes]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the rows that stand in each text, in order, and where those of each text begin and the last end."""
    rows = np.frombuffer(b"".join(known), np.int32)
    lengths = np.array([len(each) // _ROW.size for each in known], np.int32)
    length = lengths[runs.numbers]
    ends = np.cumsum(length, dtype=np.int64)
    # A run's rows stand together, so each place is where its run's begin and how far it is into them.
    shift = (np.cumsum(lengths) - lengths)[runs.numbers] - (ends - length)
    places = np.repeat(shift, length)
    places += np.arange(len(places))
    return rows[places], np.concatenate(([0], ends))[runs.starts]


def _keys(lengths: NDArray[np.int64], numbers: NDArray[np.int32], count: int) -> NDArray[np.integer[Any]]:
    """Return one number for which of the texts, of these `lengths`, and which of `count` numbers."""
    small = (len(lengths) + 1) * count < np.iinfo(np.int32).max
    text = np.arange(len(lengths), dtype=np.int32 if small else np.int64) * count
    keys: NDArray[np.integer[Any]] = np.repeat(text, lengths)
    keys += numbers
    return keys
