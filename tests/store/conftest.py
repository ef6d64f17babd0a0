"""Real indexes on disk, filled with small files whose words and vectors are made from their text."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from attrs import define, field

from conexus.domain import Chunk, Parsed, Span, Symbol, digest_of
from conexus.store.index import Index
from conexus.store.manifest import FileRecord
from conexus.store.schema import Fingerprint, RowsBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

DIMENSIONS = 32
FINGERPRINT = Fingerprint(chunker=1, model="test", words=1)


def vector_of(text: str) -> np.ndarray:
    """Return the L2-normalised sum of a random direction per word; zero for a text without words."""
    total = np.zeros(DIMENSIONS, np.float32)
    for word in text.split():
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "little")
        total += np.random.default_rng(seed).standard_normal(DIMENSIONS).astype(np.float32)
    length = np.linalg.norm(total)
    return total / length if length else total


def parsed_of(texts: list[str]) -> Parsed:
    """Return one chunk and one symbol a text, end to end; the symbol is named after its first word."""
    chunks, symbols, start = [], [], 0
    for line, text in enumerate(texts, 1):
        span = Span(start, start + len(text.encode()), line, line)
        name = (text.split() or ["empty"])[0]
        chunks.append(Chunk(span, name, "function"))
        symbols.append(Symbol(name, "function", "box", line, span))
        start = span.end
    return Parsed("python", tuple(chunks), tuple(symbols))


@define
class Desk:
    """Writes files into an index: each file is a list of chunk texts, or None to remove it."""

    index: Index
    vocabulary: dict[str, int] = field(factory=dict)

    def rows(self, ids: Iterable[int], files: Mapping[str, list[str]]) -> dict:
        """Return the arguments of `Index.commit` for these files."""
        builder, records, vectors = RowsBuilder(DIMENSIONS), [], []
        counts = np.zeros(len(self.vocabulary), np.int32)
        for number, (path, texts) in zip(ids, files.items(), strict=True):
            digests = [digest_of(text.encode()) for text in texts]
            builder.add(number, parsed_of(texts), [" ".join(text.split()) for text in texts], digests)
            vectors += [vector_of(text) for text in texts]
            source = "".join(texts).encode("utf-8", "surrogateescape")
            records.append(
                FileRecord(path, number, digest_of(source), len(source), 1, "python", "utf-8", len(texts), 2)
            )
            for text in texts:
                for word in set(text.split()) & self.vocabulary.keys():
                    counts[self.vocabulary[word]] += 1
        chunks, symbols = builder.encode(np.array(vectors, np.float32).reshape(-1, DIMENSIONS))
        return {"chunks": [chunks], "symbols": [symbols], "files": records, "frequencies": counts}

    def write(self, files: Mapping[str, list[str] | None]) -> int:
        """Commit new versions of `files`."""
        kept = {path: texts for path, texts in files.items() if texts is not None}
        removed = [path for path in files if path not in kept]
        rows = self.rows(self.index.allocate(len(kept)), kept) if kept else {}
        return self.index.commit(removed=removed, **rows)

    def open_buffer(self, path: str, texts: list[str]) -> None:
        """Show unsaved text."""
        (number,) = self.index.allocate(1)
        rows = self.rows([number], {path: texts})
        self.index.put_buffers({path: number}, rows["chunks"][0], rows["symbols"][0])


def open_index(
    directory: Path, *, writable: bool = True, vocabulary: Mapping[str, int] | None = None
) -> Index:
    return Index.open(directory, FINGERPRINT, DIMENSIONS, writable=writable, vocabulary=vocabulary)


def found(index: Index, words: str, limit: int = 100) -> list[tuple[str, int]]:
    """Return (path, ord) of chunks with any of `words`, sorted."""
    return sorted((row.path, row.ord) for row in index.snapshot().matching(words.split(), limit))


def near(index: Index, text: str, limit: int = 100) -> list[tuple[str, int]]:
    """Return (path, ord) of the nearest chunks, best first."""
    return [(row.path, row.ord) for row in index.snapshot().nearest(vector_of(text), limit)]


def everything(index: Index) -> dict[str, list[tuple[int, str, str]]]:
    """Return all a reader can see, by path, without file ids: equal for indexes of equal content."""
    snapshot = index.snapshot()
    seen: dict[str, list[tuple[int, str, str]]] = {path: [] for path in snapshot.paths().values()}
    for row in snapshot.rows_of(snapshot.paths()):
        seen[row.path].append((row.ord, row.symbol, row.digest.hex()))
    return seen


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    index = open_index(tmp_path / "index")
    yield Desk(index)
    index.close()


def many(count: int, prefix: str = "f") -> dict[str, list[str]]:
    """Return `count` files of four chunks each, with words shared between neighbours."""
    return {
        f"{prefix}/{number}.py": [
            f"{prefix}{number} chunk{part} group{number % 17} shared common{number % 3}" for part in range(4)
        ]
        for number in range(count)
    }
