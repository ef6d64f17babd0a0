"""Pairs → what training reads: a split by package, a vocabulary, and every text as rows of it."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.corpora import CACHE
from bench.train.mine import Pair, read
from bench.train.overlap import is_copy, lines_below, long_lines
from conexus.embedding.words import words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

HELD_OUT_PERCENT = 15
POOL = 2_000
SMALLEST_POOL = 300
LONGEST = {"question": 48, "rest": 100, "code": 240, "name": 10, "place": 14}
"""Words of each text that are kept."""
RAREST_WORD = 4
LONGEST_WORD = 24
SHARE = {"comment": 0.5, "error": 0.6}
"""How many of the pairs of a kind are used: there are more comments than they teach."""
_ONLY_SOURCES = {"src:scala", "pypi:ziglang"}
"""Packages that are nearly all there is of their language: they teach, and the language has no pool."""
_LONGEST_CODE = 2_400
_GROUPS = {"javascript": "js", "typescript": "js", "tsx": "js", "c": "c", "cpp": "c"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this step."""
    parser.add_argument("--words", type=int, default=64_000, help="size of the vocabulary, at most")
    parser.add_argument(
        "--repositories", type=Path, default=CACHE / "repositories", help="checkouts of the benchmark, if any"
    )


def run(options: argparse.Namespace) -> None:
    """Write what training reads below the work folder."""
    prepare(options.work, options.repositories, options.words)


def is_held_out(package: str) -> bool:
    """Tell whether `package` (``npm:ramda``) is kept for measuring: the same ones for every model so far."""
    if package in _ONLY_SOURCES:
        return False
    return int(hashlib.md5(f"s1{package}".encode()).hexdigest(), 16) % 100 < HELD_OUT_PERCENT


def texts_of(pair: Pair) -> dict[str, list[str]]:
    """Return the words of a pair's texts, by the keys of `LONGEST`."""
    parts = re.sub(r"\.\w+$", "", pair.path).split("/")[-3:]
    return {
        "question": words(pair.question),
        "rest": words(pair.rest),
        "code": words(pair.code[:_LONGEST_CODE]),
        "name": words(pair.name),
        "place": words(" ".join(parts))[-8:] + words(pair.container)[:6],
    }


def prepare(work: Path, repositories: Path, most_words: int) -> None:
    """Read ``work/pairs``; write ``learned.txt``, ``pools.json``, ``vocab.txt`` and ``train.npz``."""
    taught: list[Pair] = []
    held: dict[str, dict[str, list[Pair]]] = defaultdict(lambda: defaultdict(list))
    kept: set[bytes] = set()
    measured: set[int] = set()
    theirs = lines_below(repositories)
    for pair in _distinct(read(work / "pairs")):
        if is_copy(pair.code, theirs):
            continue
        if not is_held_out(pair.package):
            taught.append(pair)
        elif pair.kind == "function":
            held[_GROUPS.get(pair.language, pair.language)][pair.package].append(pair)
            kept.update(_digests(pair))
            measured.update(long_lines(pair.code))
    # Another version or a fork of a held-out package would teach what it measures.
    taught = [pair for pair in taught if kept.isdisjoint(_digests(pair)) and not is_copy(pair.code, measured)]
    print(len(taught), "pairs to learn from")
    for counts in (Counter(pair.kind for pair in taught), Counter(pair.language for pair in taught)):
        print(dict(counts.most_common()))
    (work / "learned.txt").write_text("".join(f"{key_of(pair)}\n" for pair in taught))
    _write_pools(held, work / "pools.json")
    _write_rows(taught, work, most_words)


def _distinct(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Yield pairs whose question and code have not been seen, of what teaches and of what measures each."""
    of_taught: set[bytes] = set()
    of_held: set[bytes] = set()
    for pair in pairs:
        digests = _digests(pair)
        if digests[0][0] >= 256 * SHARE.get(pair.kind, 1):
            continue
        seen = of_held if is_held_out(pair.package) else of_taught
        if seen.isdisjoint(digests):
            seen.update(digests)
            yield pair


def key_of(pair: Pair) -> str:
    """Return what tells a pair from others: a digest of its question and code."""
    return "".join(digest.hex() for digest in _digests(pair))


def _digests(pair: Pair) -> tuple[bytes, bytes]:
    kind = "error" if pair.kind == "error" else ""
    texts = (pair.question.lower(), kind + "".join(pair.code.split()))
    first, second = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return first, second


def _write_pools(held: dict[str, dict[str, list[Pair]]], file: Path) -> None:
    rng = random.Random(0)
    pools = {}
    for group, by_package in sorted(held.items()):
        most = max(60, POOL // len(by_package) * 3)
        pool: list[Pair] = []
        for pairs in by_package.values():
            pool += rng.sample(pairs, min(most, len(pairs)))
        rng.shuffle(pool)
        print(group, len(by_package), "packages held out,", len(pool), "functions")
        if len(pool) >= SMALLEST_POOL:
            pools[group] = [(pair.question, pair.code) for pair in pool[:POOL]]
    file.write_text(json.dumps(pools))


def _write_rows(pairs: list[Pair], work: Path, most_words: int) -> None:
    counts: Counter[str] = Counter()
    numbers: dict[str, int] = {}
    columns: dict[str, list[np.ndarray]] = {key: [] for key in LONGEST}
    for pair in pairs:
        texts = {key: text[: LONGEST[key]] for key, text in texts_of(pair).items()}
        counts.update(texts["question"])
        counts.update(set(texts["rest"]))
        counts.update(set(texts["code"]))
        for key, text in texts.items():
            columns[key].append(np.array([numbers.setdefault(word, len(numbers)) for word in text], np.int32))
    # Words of one count stand by the alphabet: the order of sets differs from run to run.
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    frequent = [word for word, n in ordered if n >= RAREST_WORD and len(word) <= LONGEST_WORD]
    vocabulary = frequent[:most_words]
    print(len(vocabulary), "words of", len(counts))
    rows = {word: row for row, word in enumerate(vocabulary)}
    row_of = np.array([rows.get(word, -1) for word in numbers], np.int32)
    arrays = {}
    for key, texts_ in columns.items():
        known = [found[found >= 0] for found in (row_of[text] for text in texts_)]
        arrays[key] = np.concatenate(known)
        arrays[f"{key}_starts"] = np.concatenate(([0], np.cumsum([len(text) for text in known])))
    for field in ("package", "language", "kind"):
        names = {name: number for number, name in enumerate(dict.fromkeys(getattr(p, field) for p in pairs))}
        arrays[field] = np.array([names[getattr(pair, field)] for pair in pairs], np.int32)
        arrays[f"{field}_names"] = np.array(list(names))
    np.savez(work / "train.npz", counts=np.array([counts[word] for word in vocabulary]), **arrays)
    (work / "vocab.txt").write_text("".join(f"{word}\n" for word in vocabulary))
