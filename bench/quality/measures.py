"""Ranks of targets → nDCG@10, MRR and Recall, by trec_eval, with intervals and paired tests.

A target is a document, and so is every hit that finds no target that was not found before it: the first hit on
a target is its rank. A hit that is the first on two targets stands for both, one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytrec_eval
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bench.quality.truth import Places, Target

LIMIT, DEPTH = 10, 50
MEASURES = {"nDCG@10": "ndcg_cut_10", "MRR": "recip_rank", "Recall@10": "recall_10", "Recall@50": "recall_50"}
_SAMPLES = 5_000

Ranks = tuple[int, ...]
"""The rank of each target of a question, in the order of its targets; 0 where it was not found."""


def ranks_of(targets: Sequence[Target], places: Places) -> Ranks:
    """Return the rank of the first hit on each target, among the first `DEPTH` hits."""
    shown = places[:DEPTH]
    return tuple(
        next((rank for rank, place in enumerate(shown, 1) if target.is_hit_by(*place)), 0)
        for target in targets
    )


def documents(ranks: Ranks, depth: int = DEPTH) -> list[str]:
    """Return the documents a question was answered with, best first, as the module describes them."""
    found: dict[int, list[str]] = {}
    for number, rank in enumerate(ranks):
        found.setdefault(rank, []).append(f"target{number}")
    listed = (found.get(rank) or [f"hit{rank}"] for rank in range(1, depth + 1))
    return [document for names in listed for document in names]


def score(answers: Mapping[str, Ranks]) -> dict[str, dict[str, float]]:
    """Return measure → question id → value."""
    wanted = {key: {f"target{n}": 1 for n in range(len(ranks))} for key, ranks in answers.items()}
    run = {key: _scored(documents(ranks)) for key, ranks in answers.items()}
    values = pytrec_eval.RelevanceEvaluator(wanted, set(MEASURES.values())).evaluate(run)
    return {name: {key: values[key][code] for key in answers} for name, code in MEASURES.items()}


def ndcg(targets: Sequence[Target], places: Places) -> float:
    """Return nDCG@10 of one answer."""
    return score({"": ranks_of(targets, places)})["nDCG@10"][""]


def write_runs(folder: Path, name: str, answers: Mapping[str, Mapping[str, Ranks]]) -> None:
    """Write ``NAME.qrels``, and ``NAME.SYSTEM.run`` for each system of `answers` (system → question id → ranks)."""
    folder.mkdir(parents=True, exist_ok=True)
    for system, by_question in answers.items():
        tag = system.replace(" ", "-")
        lines = [
            f"{key} Q0 {document} {position} {DEPTH * 2 - position} {tag}"
            for key, ranks in by_question.items()
            for position, document in enumerate(documents(ranks), 1)
        ]
        (folder / f"{name}.{tag}.run").write_text("\n".join(lines) + "\n")
        # Every system answers the same questions, so that one file is right for all.
        wanted = [f"{key} 0 target{n} 1" for key, ranks in by_question.items() for n in range(len(ranks))]
        (folder / f"{name}.qrels").write_text("\n".join(wanted) + "\n")


@frozen
class Estimate:
    """A mean over questions, with the interval that holds it 95 times of 100 other draws of questions."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def estimate(values: Iterable[float]) -> Estimate:
    """Return the mean of `values` with its percentile bootstrap interval, always the same."""
    given = np.fromiter(values, np.float64)
    low, high = np.percentile(_resampled(given), (2.5, 97.5))
    return Estimate(float(given.mean()), float(low), float(high))


@frozen
class Paired:
    """How much better one system does than another on the same questions."""

    difference: Estimate
    p: float
    """How often a difference as large, either way, comes of exchanging the two at random on each question."""
    wins: int
    losses: int

    def __str__(self) -> str:
        gained = self.difference
        return f"{gained.mean:+.4f} [{gained.low:+.4f}, {gained.high:+.4f}] p {self.p:.3f}"


def paired(before: Sequence[float], after: Sequence[float]) -> Paired:
    """Return how `after` compares with `before`, question by question: bootstrap and randomisation test."""
    gains = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    chance = np.random.default_rng(0)
    signs = chance.choice(np.array([-1.0, 1.0]), (_SAMPLES, len(gains)))
    exchanged = np.abs((signs * gains).mean(axis=1))
    # The order as it is counts as one of them; rounding must not make it less than itself.
    p = (1 + np.count_nonzero(exchanged >= abs(gains.mean()) - 1e-12)) / (_SAMPLES + 1)
    return Paired(estimate(gains), float(p), int((gains > 1e-9).sum()), int((gains < -1e-9).sum()))


def _resampled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    chance = np.random.default_rng(0)
    drawn = chance.integers(0, len(values), (_SAMPLES, len(values)))
    return values[drawn].mean(axis=1)


def _scored(names: Sequence[str]) -> dict[str, float]:
    return {name: float(len(names) - position) for position, name in enumerate(names)}
