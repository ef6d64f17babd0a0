"""Vectors kept for all folders of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from conexus.domain import digest_of
from conexus.store.vectors import VectorCache

if TYPE_CHECKING:
    from pathlib import Path


def some(count: int, start: int = 0) -> dict[bytes, np.ndarray]:
    return {
        digest_of(str(at).encode()): np.arange(at, at + 4, dtype=np.float32)
        for at in range(start, start + count)
    }


def test_what_is_put_is_got_by_any_process(tmp_path: Path) -> None:
    cache, other = (VectorCache(tmp_path / "deep" / "v.db", "model", 4) for _ in range(2))
    cache.put_many(some(1_200))
    got = other.get_many([*some(1_300), *some(5)])
    assert got.keys() == some(1_200).keys()
    np.testing.assert_array_equal(got[digest_of(b"7")], np.array([7, 8, 9, 10], np.float16))
    cache.close()
    other.close()


def test_models_do_not_mix(tmp_path: Path) -> None:
    cache, other = (VectorCache(tmp_path / "v.db", name, 4) for name in ("one", "two"))
    cache.put_many(some(3))
    assert other.get_many(some(3)) == {}
    assert VectorCache(tmp_path / "v.db", "one", 8).get_many(some(3)) == {}


def test_the_oldest_go_first(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "v.db", "model", 4, limit=100)
    for start in range(0, 500, 50):
        cache.put_many(some(50, start))
    assert cache.get_many(some(500)).keys() == some(100, 400).keys()


def test_raw_bytes_are_taken_too(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "v.db", "model", 4)
    cache.put_many({b"a": np.ones(4, np.float16).tobytes()})
    np.testing.assert_array_equal(cache.get_many([b"a"])[b"a"], np.ones(4, np.float16))


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "v.db"
    path.write_bytes(b"garbage" * 2000)
    cache = VectorCache(path, "model", 4)
    cache.put_many(some(3))
    assert len(cache.get_many(some(3))) == 3
    assert path.with_suffix(".damaged").exists()
