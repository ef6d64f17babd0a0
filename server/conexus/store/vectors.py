"""Vectors of slow models by digest, for all folders of a user: a chunk is embedded once, ever."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field

from conexus.domain import digest_of
from conexus.store.errors import unwritable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_BATCH = 500
_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (
  model BLOB NOT NULL, digest BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, digest))
"""


@define(eq=False)
class VectorCache:
    """Digest of an embedded text → its float16 vector, for one model. Safe with several processes.

    It holds at most about `limit` vectors of all models; the oldest go first. A damaged file is replaced.
    """

    path: Path
    identity: str
    """`Embedder.identity`."""
    dimensions: int
    limit: int = 2_000_000
    _database: sqlite3.Connection = field(init=False)
    _model: bytes = field(init=False)
    _guard: threading.Lock = field(init=False, factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        self._model = digest_of(f"{self.identity}\0{self.dimensions}".encode())
        with unwritable(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._database = _connect(self.path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self.path.replace(self.path.with_suffix(".damaged"))
                self._database = _connect(self.path)

    def get_many(self, digests: Iterable[bytes]) -> dict[bytes, NDArray[np.float16]]:
        """Return the known vectors among `digests`, float16[dimensions] each."""
        wanted = list(dict.fromkeys(digests))
        found: dict[bytes, NDArray[np.float16]] = {}
        with self._guard:
            for start in range(0, len(wanted), _BATCH):
                batch = wanted[start : start + _BATCH]
                marks = ",".join("?" * len(batch))
                query = f"SELECT digest, vector FROM vectors WHERE model = ? AND digest IN ({marks})"  # noqa: S608 - only question marks are put in
                for digest, blob in self._database.execute(query, (self._model, *batch)):
                    if len(blob) == 2 * self.dimensions:
                        found[digest] = np.frombuffer(blob, "<f2")
        return found

    def put_many(self, vectors: Mapping[bytes, NDArray[np.floating[Any]] | bytes]) -> None:
        """Keep these vectors, float[dimensions] each, or the bytes of float16. Raises IndexUnwritable."""
        rows = [(self._model, digest, _blob(vector)) for digest, vector in vectors.items()]
        with self._guard, unwritable(self.path), self._database:
            self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
            newest = self._database.execute("SELECT max(rowid) FROM vectors").fetchone()[0] or 0
            # Row ids only grow, so the newest tells how many were ever put: a bound without counting.
            self._database.execute("DELETE FROM vectors WHERE rowid <= ?", (newest - self.limit,))

    def close(self) -> None:
        """Close the database."""
        with self._guard:
            self._database.close()


def _blob(vector: NDArray[np.floating[Any]] | bytes) -> bytes:
    return vector if isinstance(vector, bytes) else np.asarray(vector, "<f2").tobytes()


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=30, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute(_TABLE)
    return database
