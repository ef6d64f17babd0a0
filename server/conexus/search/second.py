"""A second opinion on the best hits: a transformer's, added to the order there is, for as long as there is time."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, evolve, field

from conexus.domain import ConexusError, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from conexus.embedding.transformer import TransformerEmbedder
    from conexus.embedding.words import Passage
    from conexus.search.gates import Hit
    from conexus.store.vectors import VectorCache

_log = logging.getLogger(__name__)

CANDIDATES = 50
"""How many hits are judged."""
# Chosen on CoSQA's development split and 8 repositories with all-MiniLM-L6-v2: docs/models.md has the figures.
_WEIGHT, _LEAST_SPREAD = 0.05, 0.2
# Characters of a passage that are read. A transformer's time grows with them, and a chunk says early what it is.
_LONGEST = 1_000
_BATCH = 4
_KEPT_JUDGEMENTS = 5_000


def reordered(hits: Sequence[Hit], opinions: Sequence[float | None]) -> list[Hit]:
    """Return `hits` with those that were judged in a new order, at the places these had; scores stay with places.

    The order is that of ln(score) + 0.05 / var(ln score) · z(opinion): where paths and names told much, scores lie far
    apart and a second opinion moves little; where they told nothing, it settles the order. The variance is that of all
    hits, judged or not: the first few always lie close together.
    """
    judged = [place for place, opinion in enumerate(opinions) if opinion is not None]
    if len(judged) < 2:
        return list(hits)
    own = np.log([max(hit.score, 1e-4) for hit in hits])
    weight = _WEIGHT / max(float(own.std()), _LEAST_SPREAD) ** 2
    theirs = _z(np.array([opinions[place] for place in judged], np.float64))
    order = np.argsort(-(own[judged] + weight * theirs), kind="stable")
    found = list(hits)
    for place, number in zip(judged, order.tolist(), strict=True):
        hit, before = hits[judged[number]], judged[number]
        reason = f"second opinion {opinions[before]:.2f}, #{before + 1} before"
        found[place] = evolve(hit, score=hits[place].score, reasons=(*hit.reasons, reason))
    return found


def _z(values: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = float(values.std())
    return (values - values.mean()) / spread if spread else np.zeros_like(values)


@define(eq=False)
class _Work:
    """One question and what was found out about its passages so far."""

    question: str
    passages: Sequence[Passage]
    opinions: list[float | None]
    done: threading.Event = field(factory=threading.Event)
    superseded: bool = False
    late: bool = False
    """Whether nobody waits for it any more."""


class SecondOpinion:
    """Judges passages with a bi-encoder or cross-encoder that runs in a process of its own.

    What there was no time for is judged afterwards, until the next question, and remembered by digest: vectors of
    a bi-encoder on disk, judgements of a cross-encoder in memory. Safe to use from several threads.
    """

    def __init__(self, model: TransformerEmbedder, vectors: Callable[[str, int], VectorCache | None]) -> None:
        """Take the model, and what gives the cache of vectors of an identity and a length."""
        self._model = model
        self._vectors = vectors
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="conexus-second")
        self._loaded = threading.Event()
        self._loading = threading.Lock()
        self._begun = False
        self._failure = ""
        self._current: _Work | None = None
        self._judged: dict[bytes, float] = {}

    def start(self) -> None:
        """Begin to load the model, which takes seconds; returns at once."""
        with self._loading:
            if not self._begun:
                self._begun = True
                self._thread.submit(self._load)

    def wait(self, seconds: float) -> None:
        """Wait until the model is loaded, or cannot be."""
        self.start()
        self._loaded.wait(seconds)

    @property
    def hindrance(self) -> str:
        """Return why there is no opinion now; empty if there is one."""
        if self._failure:
            return f"there is no second opinion: {self._failure}"
        return "" if self._loaded.is_set() else "there is no second opinion yet: its model is being loaded"

    def judge(self, question: str, passages: Sequence[Passage], seconds: float) -> list[float | None]:
        """Return an opinion of each passage, more is better; None of those there was no time for."""
        work = _Work(question, passages, [None] * len(passages))
        self.let_go(work)
        self._thread.submit(self._work, work)
        work.late = not work.done.wait(seconds)
        return list(work.opinions)

    def let_go(self, following: _Work | None = None) -> None:
        """Stop judging what the last question found: another one is being asked, whose first hits go before."""
        with self._loading:
            if self._current is not None:
                self._current.superseded = True
            self._current = following

    def close(self) -> None:
        """End the model's process and the thread."""
        self.let_go()
        self._model.close()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _load(self) -> None:
        try:
            _log.info("the second opinion is given by %s", self._model.identity)
        except ConexusError as error:
            self._failure = str(error)
        finally:
            self._loaded.set()

    def _work(self, work: _Work) -> None:
        begun = time.perf_counter()
        try:
            if self._model.judges_pairs:
                self._judge_pairs(work)
            else:
                self._compare(work)
        except ConexusError as error:
            _log.warning("the second opinion failed: %s", error)
        except Exception:  # noqa: BLE001 -- the first opinion stands whatever the second one does
            _log.exception("the second opinion failed")
        finally:
            work.done.set()
            _log.debug("a second opinion took %.0f ms", 1000 * (time.perf_counter() - begun))

    def _judge_pairs(self, work: _Work) -> None:
        question = digest_of(work.question.encode("utf-8", "replace"))
        keys = [question + digest for digest in map(_digest, work.passages)]
        work.opinions[:] = [self._judged.get(key) for key in keys]
        for batch in self._unknown(work):
            found = self._model.judge(work.question, [_text(work.passages[place]) for place in batch])
            for place, score in zip(batch, found.tolist(), strict=True):
                work.opinions[place] = self._judged[keys[place]] = score
        while len(self._judged) > _KEPT_JUDGEMENTS:
            self._judged.pop(next(iter(self._judged)))

    def _compare(self, work: _Work) -> None:
        cache = self._vectors(f"{self._model.identity}/{_LONGEST}", self._model.dimensions)
        question = self._model.embed_query(work.question)
        digests = list(map(_digest, work.passages))
        known = cache.get_many(digests) if cache else {}
        for place, digest in enumerate(digests):
            if digest in known:
                work.opinions[place] = float(known[digest].astype(np.float32) @ question)
        for batch in self._unknown(work):
            vectors = self._model.embed([_cut(work.passages[place]) for place in batch])
            for place, vector in zip(batch, vectors, strict=True):
                work.opinions[place] = float(vector @ question)
            if cache:
                cache.put_many({digests[place]: vector for place, vector in zip(batch, vectors, strict=True)})

    @staticmethod
    def _unknown(work: _Work) -> Iterator[list[int]]:
        """Yield places that have no opinion yet, a few at a time, until another question comes.

        What nobody waits for goes one by one: the next question's first hits have to come past it.
        """
        places = [place for place, opinion in enumerate(work.opinions) if opinion is None]
        while places and not work.superseded:
            count = 1 if work.late else _BATCH
            yield places[:count]
            del places[:count]


def _text(passage: Passage) -> str:
    return passage.text[:_LONGEST]


def _digest(passage: Passage) -> bytes:
    return digest_of(_text(passage).encode("utf-8", "surrogatepass"))


def _cut(passage: Passage) -> Passage:
    return evolve(passage, content=passage.content[: max(0, _LONGEST - len(passage.header) - 1)])
