"""Static word-vector models in numpy: the embedded one, and any directory of the same form.

A static model is a directory of three files: `vocab.txt`, one lower-case word a line; `table.npy`,
int8[words, dimensions]; `scale.npy`, float16[words]. The vector of a word is its row times its scale.
They are raw so that processes that embed map one copy of the table from the page cache.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from conexus.embedding.embedder import EmbeddingCancelledError, ModelUnavailableError
from conexus.embedding.vocabulary import (
    EMBEDDED_MODEL,
    VOCABULARY_FILE,
    Bags,
    Vocabulary,
    embedded_vocabulary,
)
from conexus.embedding.words import WORDS_VERSION, passage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from conexus.embedding.words import Passage

EMBEDDED_NAME = "static"
TABLE_FILE = "table.npy"
SCALE_FILE = "scale.npy"
_FILES = (VOCABULARY_FILE, TABLE_FILE, SCALE_FILE)
_BATCH = 512


class StaticEmbedder:
    """Sums the vectors of a text's words.

    The vector is the sum over unique known words of (1 + ln count) · vector of the word, L2-normalised.
    A text without any known word has the zero vector, which is near nothing. Loading takes about
    20 ms; 5 MB are private to the process, the table (16 MB) is shared.
    """

    def __init__(self, directory: Path = EMBEDDED_MODEL) -> None:
        """Map the model in `directory`; raise ModelUnavailableError."""
        self._directory = directory
        self.vocabulary = embedded_vocabulary() if directory == EMBEDDED_MODEL else Vocabulary.load(directory)
        self._table, self._scale = _load_table(directory, len(self.vocabulary))

    @cached_property
    def identity(self) -> str:
        """Return the name and the hash of the model's files and of how words are made."""
        name = EMBEDDED_NAME if self._directory == EMBEDDED_MODEL else self._directory.name
        content = hashlib.blake2b(f"words {WORDS_VERSION}".encode(), digest_size=8)
        for file in _FILES:
            content.update((self._directory / file).read_bytes())
        return f"{name}@{content.hexdigest()}"

    @property
    def dimensions(self) -> int:
        """Return the length of a vector."""
        return int(self._table.shape[1])

    def embed(
        self,
        passages: Sequence[Passage],
        *,
        cancel: Callable[[], bool] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Return one row per passage, float32[n, dimensions]; see `Embedder.embed`."""
        vectors = np.empty((len(passages), self.dimensions), np.float32)
        for start in range(0, len(passages), _BATCH):
            if cancel is not None and cancel():
                raise EmbeddingCancelledError(
                    f"Embedding was cancelled after {start} of {len(passages)} passages."
                )
            batch = passages[start : start + _BATCH]
            vectors[start : start + len(batch)] = self.embed_bags(self.vocabulary.bags(batch))
            if progress is not None:
                progress(start + len(batch))
        return vectors

    def embed_bags(self, bags: Bags) -> NDArray[np.float32]:
        """Return one row per bag, float32[n, dimensions], for a caller that needs the bags itself."""
        weights = (1 + np.log(bags.counts.astype(np.float32))) * self._scale[bags.rows]
        sums = np.zeros((len(bags), self.dimensions), np.float32)
        starts = bags.starts.tolist()
        # Two buffers for the longest bag, and no sparse product: it would need all rows of the batch, or
        # the whole table, as float32.
        longest = int(np.diff(bags.starts).max(initial=0))
        picked = np.empty((longest, self.dimensions), np.int8)
        floats = np.empty((longest, self.dimensions), np.float32)
        for index, (start, end) in enumerate(pairwise(starts)):
            bytes_, values = picked[: end - start], floats[: end - start]
            self._table.take(bags.rows[start:end], 0, out=bytes_, mode="clip")
            values[...] = bytes_
            np.dot(weights[start:end], values, out=sums[index])
        return _normalised(sums)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, float32[dimensions]."""
        vector: NDArray[np.float32] = self.embed_bags(self.vocabulary.bags([passage("", "", text)]))[0]
        return vector

    def likeness(self, words: Sequence[str], bags: Bags) -> NDArray[np.float32]:
        """Return how near each bag comes to saying each of `words`, float32[n, words].

        That is the largest cosine of the word with a word of the bag; 0 where all point away, and for what the
        model does not know.
        """
        asked = np.array([self.vocabulary.rows.get(word, -1) for word in words], np.int64)
        found = np.zeros((len(bags), len(asked)), np.float32)
        known, filled = asked >= 0, np.diff(bags.starts) > 0
        if not known.any() or not filled.any():
            return found
        # What is compared are directions, for which rows of the table do as they are. Chunks share most of their words.
        distinct, of_row = np.unique(bags.rows, return_inverse=True)
        nearness = self._directions(distinct) @ self._directions(asked[known]).T
        largest = np.maximum.reduceat(nearness[of_row], bags.starts[:-1][filled])
        found[np.ix_(filled, known)] = np.maximum(largest, 0)
        return found

    def _directions(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        return _normalised(self._table[rows].astype(np.float32))

    def word_vectors(self) -> NDArray[np.float32]:
        """Return the vectors of all words, float32[words, dimensions]: four times the table's size."""
        return self._table.astype(np.float32) * self._scale[:, np.newaxis]

    def close(self) -> None:
        """Let the map of the table go."""
        self._table = np.empty((0, self.dimensions), np.int8)


def is_static_model(directory: Path) -> bool:
    """Tell whether `directory` holds a static model."""
    return all((directory / file).is_file() for file in _FILES)


def save(directory: Path, vocabulary: Vocabulary, vectors: NDArray[np.float32]) -> None:
    """Write a static model that `load` takes by its directory: `vectors` is float32[words, dimensions].

    Each row is quantised to int8 by its largest magnitude, which loses nothing measurable
    (docs/models.md). Raises ValueError when the number of words differs, OSError.
    """
    if len(vectors) != len(vocabulary):
        raise ValueError(f"{len(vectors)} vectors for {len(vocabulary)} words")
    scale = (np.abs(vectors).max(axis=1) / 127).astype(np.float16)
    divisor = np.where(scale > 0, scale, 1).astype(np.float32)[:, np.newaxis]
    table = np.clip(np.rint(vectors / divisor), -127, 127).astype(np.int8)
    directory.mkdir(parents=True, exist_ok=True)
    np.save(directory / TABLE_FILE, table)
    np.save(directory / SCALE_FILE, scale)
    text = "".join(f"{word}\n" for word in vocabulary.words)
    (directory / VOCABULARY_FILE).write_text(text, encoding="utf-8", newline="\n")


def _load_table(directory: Path, words_: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    try:
        # The view drops the memmap subclass, whose every slice costs a Python call.
        table = np.load(directory / TABLE_FILE, mmap_mode="r", allow_pickle=False).view(np.ndarray)
        scale = np.load(directory / SCALE_FILE, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise _unusable(directory, str(error)) from error
    if table.dtype != np.int8 or table.ndim != 2 or len(table) != words_ or scale.shape != (words_,):
        raise _unusable(directory, f"{words_} words, table {table.dtype}{table.shape}, scale {scale.shape}")
    return table, scale.astype(np.float32)


def _unusable(directory: Path, reason: str) -> ModelUnavailableError:
    return ModelUnavailableError(
        str(directory),
        f"its files do not make a static model: {reason}",
        "write it again, or reinstall Conexus",
    )


def _normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.divide(vectors, lengths, out=vectors, where=lengths > 0)
    return vectors
