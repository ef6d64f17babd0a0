"""The model against questions it has not seen: function pools, CoSQA, repositories; vectors alone, no search.

Function pools: up to 2,000 documented functions a language from packages that were held out; each question
is the documentation of one of them. CoSQA: 500 web questions over 6,267 Python functions. Repositories: every
chunk as the engine cuts it, nDCG@10 as `bench.quality` has it.
"""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from bench.corpora import CACHE
from bench.quality import LIMIT, Question, ndcg, projects_in
from conexus.embedding.static import StaticEmbedder
from conexus.embedding.vocabulary import EMBEDDED_MODEL, Bags
from conexus.embedding.words import passage, words
from conexus.parsing.chunker import parse
from conexus.parsing.languages import language_of
from conexus.settings import ScopeSettings
from conexus.workspace.files import Scope, Skipped
from conexus.workspace.source import read

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


@frozen(eq=False)
class Texts:
    """The words of many texts, as rows of one list of words: any model's bags are made from them at once."""

    known: list[str]
    rows: NDArray[np.int32]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]]) -> Texts:
        """Return `texts` with their words numbered."""
        numbers: dict[str, int] = {}
        rows: list[NDArray[np.int32]] = []
        starts = [0]
        for text in texts:
            rows.append(np.array([numbers.setdefault(word, len(numbers)) for word in text], np.int32))
            starts.append(starts[-1] + len(text))
        return cls(list(numbers), np.concatenate(rows or [np.zeros(0, np.int32)]), np.array(starts))

    def vectors(self, embedder: StaticEmbedder) -> NDArray[np.float32]:
        """Return one vector a text."""
        row_of = np.array([embedder.vocabulary.rows.get(word, -1) for word in self.known], np.int32)
        return embedder.embed_bags(self._bags(row_of))

    def _bags(self, row_of: NDArray[np.int32]) -> Bags:
        text = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        rows = row_of[self.rows]
        text, rows = text[rows >= 0], rows[rows >= 0]
        size = int(row_of.max(initial=0)) + 1
        unique, counts = np.unique(text * size + rows, return_counts=True)
        starts = np.searchsorted(unique // size, np.arange(len(self.starts)))
        return Bags((unique % size).astype(np.int32), counts.astype(np.int32), starts)


@frozen(eq=False)
class Pool:
    """Questions, each answered by the text at its position in `answers`."""

    name: str
    questions: Texts
    texts: Texts
    answers: NDArray[np.int64]

    def ndcg(self, embedder: StaticEmbedder) -> NDArray[np.float64]:
        """Return nDCG@10 of each question; ties rank in the middle."""
        asked, found = self.questions.vectors(embedder), self.texts.vectors(embedder)
        gains = []
        for start in range(0, len(asked), 256):
            scores = asked[start : start + 256] @ found.T
            right = self.answers[start : start + 256]
            own = scores[np.arange(len(right)), right][:, np.newaxis]
            ranks = (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2 + 1
            gains.append(np.where(ranks <= LIMIT, 1 / np.log2(ranks + 1), 0))
        return np.concatenate(gains)


@frozen(eq=False)
class Tree:
    """The chunks of a folder with their words, and what is asked of it."""

    name: str
    scope: str
    language: str
    places: list[tuple[str, int, int]]
    texts: Texts
    questions: tuple[Question, ...]

    def ndcg(self, embedder: StaticEmbedder) -> NDArray[np.float64]:
        """Return nDCG@10 of each question."""
        found = self.texts.vectors(embedder)
        gains = []
        for question in self.questions:
            order = np.argsort(-(found @ embedder.embed_query(question.text)), kind="stable")[:LIMIT]
            gains.append(ndcg(question.targets, [list(self.places[at]) for at in order]))
        return np.array(gains)


def pools_in(file: Path) -> list[Pool]:
    """Return the function pools that `prepare` wrote."""
    records = json.loads(file.read_text())
    return [
        Pool(
            name,
            Texts.of(words(question) for question, _ in pairs),
            Texts.of(words(code) for _, code in pairs),
            np.arange(len(pairs)),
        )
        for name, pairs in records.items()
    ]


def cosqa_in(folder: Path) -> Pool:
    """Return CoSQA's development questions."""
    index = json.loads((folder / "code_idx_map.txt").read_text())
    functions = sorted(index, key=index.__getitem__)
    records = json.loads((folder / "cosqa-retrieval-dev-500.json").read_text())
    return Pool(
        "cosqa",
        Texts.of(words(record["doc"]) for record in records),
        Texts.of(words(function) for function in functions),
        np.array([record["retrieval_idx"] for record in records]),
    )


def trees_in(queries: Path, repositories: Path, kept: Path) -> list[Tree]:
    """Return the benchmark's repositories, whole and by sub-folder, cut as the engine cuts them."""
    if not kept.exists():
        trees = [
            _tree(project, scope, root)
            for project in projects_in(queries)
            for scope, root in (
                ("whole", repositories / project.name),
                ("sub-folder", repositories / project.name / project.root),
            )
        ]
        kept.write_bytes(pickle.dumps(trees))
    return pickle.loads(kept.read_bytes())


def _tree(project, scope: str, root: Path) -> Tree:
    places: list[tuple[str, int, int]] = []
    texts: list[list[str]] = []
    settings = ScopeSettings()
    for entry in Scope(root, settings).walk().entries:
        source = read(root, entry, settings)
        if isinstance(source, Skipped):
            continue
        text = source.source
        for chunk in parse(text, language_of(entry.path, text[:256])).chunks:
            content = text[chunk.span.start : chunk.span.end].decode("utf-8", "replace")
            made = passage(entry.path, chunk.symbol, content)
            texts.append(words(made.encoded.decode("utf-8", "replace")))
            places.append((entry.path, chunk.span.start_line, chunk.span.end_line))
    print(project.name, scope, len(places), flush=True)
    return Tree(project.name, scope, project.language, places, Texts.of(texts), project.questions)


def figures(embedder: StaticEmbedder, sets: Sequence[Pool | Tree]) -> dict[str, NDArray[np.float64]]:
    """Return nDCG@10 of every question by set: a pool's name, or the scope of repositories."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for one in sets:
        name = one.scope if isinstance(one, Tree) else one.name
        found.setdefault(name, []).append(one.ndcg(embedder))
    return {name: np.concatenate(values) for name, values in found.items()}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this step."""
    parser.add_argument("--model", type=Path, default=EMBEDDED_MODEL, help="directory of a static model")
    parser.add_argument("--against", type=Path, help="another one, compared question by question")
    parser.add_argument("--cosqa", type=Path, help="folder of the CoSQA files")
    parser.add_argument("--queries", type=Path, help="repositories_dev.json")
    parser.add_argument(
        "--repositories", type=Path, default=CACHE / "repositories", help="checkouts of the benchmark"
    )


def run(options: argparse.Namespace) -> None:
    """Print a line a set: how many questions, nDCG@10, and the difference with its 95 % interval."""
    sets: list[Pool | Tree] = [*pools_in(options.work / "pools.json")]
    if options.cosqa:
        sets.append(cosqa_in(options.cosqa))
    if options.queries:
        sets += trees_in(options.queries, options.repositories, options.work / "trees.pickle")
    ours = figures(StaticEmbedder(options.model), sets)
    theirs = figures(StaticEmbedder(options.against), sets) if options.against else {}
    for name, values in ours.items():
        print(f"{name:<12}{len(values):>6}{values.mean():>8.4f}  {_difference(values, theirs.get(name))}")
    main = [values.mean() for name, values in ours.items() if name in EIGHT]
    print(f"mean of {', '.join(EIGHT)}: {np.mean(main):.4f}")


EIGHT = ("python", "js", "go", "rust", "java", "c", "php", "haskell")
"""The pools whose mean is the figure of the model card."""


def _difference(ours: NDArray[np.float64], theirs: NDArray[np.float64] | None) -> str:
    if theirs is None:
        return ""
    paired = ours - theirs
    error = 1.96 * paired.std() / math.sqrt(len(paired))
    return f"{paired.mean():+.4f} ± {error:.4f}"
