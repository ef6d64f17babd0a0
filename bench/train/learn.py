"""Word vectors from pairs: each question shall be nearest to its own code among those of the batch."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from attrs import asdict, evolve, frozen
from scipy.sparse import csr_matrix

from conexus.embedding.static import StaticEmbedder
from conexus.embedding.terms import stem

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from numpy.typing import NDArray

Rows: TypeAlias = "NDArray[np.int64]"

_PHRASES = (
    "how to", "how do i", "how to", "", "ways to", "best way to", "code to", "function to", "what is", "check",
    "example of", "find", "where", "how is", "how does", "how are", "where is the",
)  # fmt: skip
_STOP = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "to",
        "in",
        "is",
        "for",
        "and",
        "or",
        "be",
        "this",
        "that",
        "it",
        "as",
        "with",
        "on",
        "by",
        "if",
        "are",
        "from",
        "at",
        "not",
        "will",
        "can",
        "its",
        "was",
        "has",
        "when",
        "which",
        "into",
        "you",
        "your",
        "we",
        "i",
        "do",
        "does",
        "how",
    ]
)


@frozen
class Recipe:
    """All that training depends on but its data."""

    dimensions: int = 256
    batch: int = 2048
    epochs: float = 4
    rate: float = 3e-3
    sharpness: float = 20
    """Cosines are multiplied by it before the softmax."""
    block: int = 32
    """So many neighbours in a batch are of one package: the hard negatives."""
    by_name: float = 0.15
    """How often a function's name is the question, and is taken out of its code."""
    without_name: float = 0.4
    with_place: float = 0.5
    with_rest: float = 0.35
    short: float = 0.25
    """How often a question loses words."""
    phrased: float = 0.15
    """How often it is put as people ask: how to …, python …"""
    said: float = 3.5
    """What the share of a question's words that an answer says, by rarity, counts beside the cosine.

    Search adds full text to nearness. What the words already tell, vectors need not learn, and learn the rest
    (Gao et al., Complement Lexical Retrieval Model with Semantic Residual Embeddings, ECIR 2021).
    """
    seed: int = 0


@frozen(eq=False)
class Bags:
    """The words of a batch of texts: each once a text, with its weight."""

    rows: torch.Tensor
    starts: torch.Tensor
    """Where each text begins."""
    weights: torch.Tensor
    """1 + ln of the count."""


class Pairs:
    """The arrays `prepare` wrote."""

    def __init__(self, file: Path, vocabulary: list[str]) -> None:
        self._arrays = dict(np.load(file))
        self.vocabulary = vocabulary
        self.words = len(vocabulary)
        rows = {word: row for row, word in enumerate(vocabulary)}
        self.stop = np.zeros(self.words, bool)
        self.stop[[rows[word] for word in _STOP if word in rows]] = True
        self.package = self._arrays["package"]
        self.counts = self._arrays["counts"]
        phrases = [[rows[word] for word in phrase.split() if word in rows] for phrase in _PHRASES]
        names = {"csharp": "c", "tsx": "react", "javascript": "javascript"}
        languages = [names.get(str(name), str(name)) for name in self._arrays["language_names"]]
        self.phrases = phrases
        self.language_word = np.array([rows.get(name, -1) for name in languages])[self._arrays["language"]]

    def __len__(self) -> int:
        return len(self.package)

    def take(self, key: str, picked: Rows) -> tuple[Rows, Rows, Rows]:
        """Return for every word of the picked texts: which text, its position in it, its row."""
        starts = self._arrays[f"{key}_starts"]
        begin = starts[picked]
        lengths = starts[picked + 1] - begin
        text = np.repeat(np.arange(len(picked)), lengths)
        at = np.arange(len(text)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return text, at, self._arrays[key][np.repeat(begin, lengths) + at].astype(np.int64)


class Batches:
    """Batches of pairs, made anew for every epoch."""

    def __init__(self, pairs: Pairs, recipe: Recipe) -> None:
        self._pairs = pairs
        self._recipe = recipe
        self._rng = np.random.default_rng(recipe.seed)
        self.steps = int(recipe.epochs * len(pairs) / recipe.batch)

    def __iter__(self) -> Iterator[tuple[Bags, Bags]]:
        made = 0
        while made < self.steps:
            for picked in self._epoch():
                if made == self.steps:
                    return
                made += 1
                yield self._batch(picked)

    def _epoch(self) -> Iterator[Rows]:
        rng, block, size = self._rng, self._recipe.block, self._recipe.batch
        order = np.lexsort((rng.random(len(self._pairs)), self._pairs.package))
        first = rng.integers(0, block)
        whole = (len(order) - first) // block * block
        blocks = order[first : first + whole].reshape(-1, block)
        shuffled = blocks[rng.permutation(len(blocks))].ravel()
        for start in range(0, len(shuffled) - size + 1, size):
            yield shuffled[start : start + size]

    def _batch(self, picked: Rows) -> tuple[Bags, Bags]:
        rng, recipe, pairs = self._rng, self._recipe, self._pairs
        n = len(picked)
        names = pairs.take("name", picked)
        name_words = np.bincount(names[0], minlength=n)
        by_name = (rng.random(n) < recipe.by_name) & (name_words > 1)
        asked = self._question(picked, by_name, names)
        text, at, row = pairs.take("code", picked)
        code_words = np.bincount(text, minlength=n)
        drop_head = (
            ~by_name
            & (rng.random(n) < recipe.without_name)
            & (code_words > name_words + 4)
            & (name_words > 0)
        )
        keep = ~(drop_head[text] & (at <= name_words[text]))
        named = np.isin(text * pairs.words + row, names[0] * pairs.words + names[2])
        keep &= ~(by_name[text] & named)
        # Passages say the name of what they define once more: see `conexus.embedding.words.passage`.
        again = ~(by_name | drop_head)[names[0]]
        parts = [(text[keep], row[keep]), (names[0][again], names[2][again])]
        for key, chance in (("place", recipe.with_place), ("rest", recipe.with_rest)):
            chosen = rng.random(n) < chance
            where, at, rows = pairs.take(key, picked)
            wanted = chosen[where]
            if key == "rest":
                # Some documentation is long, some is short: keep a random beginning of it.
                wanted &= at < rng.integers(5, 100, n)[where]
            parts.append((where[wanted], rows[wanted]))
        answer = tuple(np.concatenate(column) for column in zip(*parts, strict=True))
        return self._bags(*asked, n), self._bags(*answer, n)

    def _question(self, picked: Rows, by_name: NDArray[np.bool_], names: tuple) -> tuple:
        rng, recipe, pairs = self._rng, self._recipe, self._pairs
        n = len(picked)
        text, _, row = pairs.take("question", picked)
        keep = ~by_name[text]
        text, row = text[keep], row[keep]
        lengths = np.bincount(text, minlength=n)
        how = rng.random(n)
        bare = (how < recipe.short / 2) & (lengths > 5)
        thin = (how >= recipe.short / 2) & (how < recipe.short) & (lengths > 5)
        keep = ~(bare[text] & pairs.stop[row]) & ~(thin[text] & (rng.random(len(text)) < 0.35))
        taken = by_name[names[0]]
        texts, rows = [text[keep], names[0][taken]], [row[keep], names[2][taken]]
        phrased = np.flatnonzero(~by_name & (rng.random(n) < recipe.phrased))
        for which, phrase in enumerate(pairs.phrases):
            those = phrased[rng.integers(0, len(pairs.phrases), len(phrased)) == which] if phrase else []
            texts.append(np.repeat(those, len(phrase)).astype(np.int64))
            rows.append(np.tile(np.array(phrase, np.int64), len(those)))
        language = pairs.language_word[picked]
        spoken = np.flatnonzero(~by_name & (rng.random(n) < recipe.phrased) & (language >= 0))
        return np.concatenate([*texts, spoken]), np.concatenate([*rows, language[spoken]])

    def _bags(self, text: Rows, row: Rows, n: int) -> Bags:
        size = self._pairs.words
        unique, counts = np.unique(text * size + row, return_counts=True)
        starts = np.searchsorted(unique // size, np.arange(n))
        weights = (1 + np.log(counts)).astype(np.float32)
        return Bags(torch.from_numpy(unique % size), torch.from_numpy(starts), torch.from_numpy(weights))


def first_vectors(pairs: Pairs, recipe: Recipe, start: StaticEmbedder | None) -> NDArray[np.float32]:
    """Return what training begins with, float32[words, dimensions]: chance, or what `start` knows.

    A word that `start` does not know begins as the mean of the words of its stem, small where there are none.
    """
    rng = np.random.default_rng(recipe.seed)
    vectors = rng.standard_normal((pairs.words, recipe.dimensions), np.float32) * 0.05
    if start is None:
        return vectors
    known = start.word_vectors()
    by_stem: dict[str, list[int]] = {}
    for word, row in start.vocabulary.rows.items():
        by_stem.setdefault(stem(word), []).append(row)
    for row, word in enumerate(pairs.vocabulary):
        at = start.vocabulary.rows.get(word)
        relatives = by_stem.get(stem(word), [])
        if at is not None:
            vectors[row] = known[at]
        elif relatives:
            vectors[row] = known[relatives].mean(axis=0)
    return vectors


def learn(pairs: Pairs, recipe: Recipe, first: NDArray[np.float32], threads: int = 2) -> NDArray[np.float32]:
    """Return the vectors of all words, float32[words, dimensions]."""
    torch.set_num_threads(threads)
    table = Table(torch.from_numpy(first), recipe.rate)
    batches = Batches(pairs, recipe)
    overlap = Overlap(pairs)
    started, smooth = time.monotonic(), 0.0
    for step, (asked, answers) in enumerate(batches, 1):
        # The rate rises for 50 steps, then falls to nothing by half a wave of a cosine.
        share = min(1, step / 50) * (1 + math.cos(math.pi * step / batches.steps)) / 2
        told = recipe.said * overlap.shares(asked, answers)
        loss = table.step(asked, answers, recipe.sharpness, told, share)
        smooth = loss if step == 1 else 0.97 * smooth + 0.03 * loss
        if step % 50 == 0:
            print(
                f"{step}/{batches.steps} loss {smooth:.3f}"
                f" {time.monotonic() - started:.0f} s cpu {time.process_time():.0f} s",
                flush=True,
            )
    return table.vectors.numpy()


class Overlap:
    """Which terms texts share, weighed by how few texts say them: what full-text search would see of a batch."""

    def __init__(self, pairs: Pairs) -> None:
        numbers: dict[str, int] = {}
        found = [numbers.setdefault(stem(word), len(numbers)) for word in pairs.vocabulary]
        self._term_of_row = np.array(found)
        said = np.bincount(self._term_of_row, weights=pairs.counts)
        rarity = np.minimum(np.log(1 + len(pairs) / (1 + said)), _MOST_RARITY)
        # What a seventh of all texts say is not looked for.
        self._rarity = np.where(rarity > _LEAST_RARITY, rarity, 0).astype(np.float32)

    def shares(self, asked: Bags, answers: Bags) -> torch.Tensor:
        """Return how much of each question each answer says, float32[questions, answers] in [0, 1]."""
        wanted, said = self._terms(asked), self._terms(answers)
        wanted.data *= self._rarity[wanted.indices]
        whole = np.maximum(wanted.sum(axis=1), 1e-6)
        return torch.from_numpy(np.asarray((wanted @ said.T).toarray() / whole, np.float32))

    def _terms(self, bags: Bags) -> csr_matrix:
        texts, rows = len(bags.starts), bags.rows.numpy()
        text = np.repeat(np.arange(texts), np.diff(bags.starts.numpy(), append=len(rows)))
        count = len(self._rarity)
        keys = np.unique(text * count + self._term_of_row[rows])
        ones = np.ones(len(keys), np.float32)
        return csr_matrix((ones, (keys // count, keys % count)), shape=(texts, count))


_LEAST_RARITY, _MOST_RARITY = 2, 9


class Table:
    """The vectors of all words and how they learn: Adam, on the rows of a batch only.

    A batch holds a quarter of all words; moving the others by what is left of their momentum would
    cost more than all else.
    """

    def __init__(self, vectors: torch.Tensor, rate: float) -> None:
        self.vectors = vectors
        self._rate = rate
        self._mean = torch.zeros_like(vectors)
        self._square = torch.zeros_like(vectors)
        self._steps = 0

    def step(
        self, asked: Bags, answers: Bags, sharpness: float, told: torch.Tensor | float, share: float
    ) -> float:
        """Learn from a batch at `share` of the rate; return its loss. `told` is added to the scores."""
        rows, at = torch.unique(torch.cat((asked.rows, answers.rows)), return_inverse=True)
        vectors = self.vectors[rows].requires_grad_()
        first = evolve(asked, rows=at[: len(asked.rows)])
        second = evolve(answers, rows=at[len(asked.rows) :])
        loss = _loss(vectors, first, second, sharpness, told)
        loss.backward()
        self._move(rows, vectors.grad, self._rate * share)
        return float(loss.item())

    def _move(self, rows: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        self._steps += 1
        mean = self._mean[rows].lerp_(gradient, 1 - _BETAS[0])
        square = self._square[rows].lerp_(gradient * gradient, 1 - _BETAS[1])
        self._mean[rows], self._square[rows] = mean, square
        mean = mean / (1 - _BETAS[0] ** self._steps)
        square = square / (1 - _BETAS[1] ** self._steps)
        self.vectors.index_add_(0, rows, mean / (square.sqrt() + 1e-8), alpha=-rate)


_BETAS = (0.9, 0.98)


def _loss(
    vectors: torch.Tensor, asked: Bags, answers: Bags, sharpness: float, told: torch.Tensor | float
) -> torch.Tensor:
    """Return the mean of both directions' cross entropies over the batch (InfoNCE)."""
    first, second = _summed(vectors, asked), _summed(vectors, answers)
    scores = first @ second.T * sharpness + told
    right = torch.arange(len(scores))
    entropy = torch.nn.functional.cross_entropy
    return (entropy(scores, right) + entropy(scores.T, right)) / 2


def _summed(vectors: torch.Tensor, bags: Bags) -> torch.Tensor:
    bag = torch.nn.functional.embedding_bag
    summed = bag(bags.rows, vectors, bags.starts, mode="sum", per_sample_weights=bags.weights)
    return torch.nn.functional.normalize(summed, dim=1)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this step."""
    for name, default in asdict(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    parser.add_argument("--start", type=Path, help="directory of a static model to begin with")
    parser.add_argument("--vectors", default="vectors.npy", help="file below the work folder to write")


def run(options: argparse.Namespace) -> None:
    """Read what `prepare` wrote below the work folder; write the vectors."""
    work: Path = options.work
    vocabulary = (work / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
    pairs = Pairs(work / "train.npz", vocabulary)
    recipe = Recipe(**{name: getattr(options, name) for name in asdict(Recipe())})
    start = StaticEmbedder(options.start) if options.start else None
    np.save(work / options.vectors, learn(pairs, recipe, first_vectors(pairs, recipe, start)))
