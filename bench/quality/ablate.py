"""What each agent, prior and step of ranking adds: the same candidates ranked again without it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from bench.quality.asking import as_they_are
from bench.quality.measures import paired, ranks_of, score
from conexus.search import rank as ranking
from conexus.search.retrieve import Agent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bench.quality.asking import Asked
    from bench.quality.measures import Ranks
    from bench.quality.ranks import Table
    from bench.report import Report

WHOLE = "all of it"


@frozen
class Ablation:
    """One thing left out: values of `conexus.search.rank` that make it neutral, an agent's candidates, or the closer look."""

    name: str
    neutral: Mapping[str, object]
    agent: Agent | None = None
    looks: bool = True

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Rank without it, until the end of the block."""
        kept = {name: getattr(ranking, name) for name in self.neutral}
        try:
            _set(self.neutral)
            yield
        finally:
            _set(kept)

    def ranks(self, asked: Sequence[Asked]) -> dict[str, Ranks]:
        """Return the ranks of each question's targets without it, by question id."""
        with self.applied():
            return {
                one.question.id: ranks_of(one.question.targets, self._without(one).ranked()) for one in asked
            }

    def _without(self, asked: Asked) -> Asked:
        found = tuple(found for found in asked.found if found.agent is not self.agent)
        return evolve(asked, found=found, look=asked.look if self.looks else as_they_are)


def _set(values: Mapping[str, object]) -> None:
    for name, value in values.items():
        setattr(ranking, name, value)


def _anything(_query: object, _place: object) -> bool:
    return True


ABLATIONS = (
    Ablation(WHOLE, {}),
    *(Ablation(f"{agent} agent", {}, agent) for agent in (Agent.SEMANTIC, Agent.LEXICAL, Agent.SYMBOL)),
    Ablation("scores (reciprocal ranks)", {"_FALLS": {}}),
    Ablation("worth against the code itself", {"_is_code": _anything}),
    Ablation("several found in the file", {"_COHERENCE": 0.0}),
    Ablation("path says it", {"_PATH_SAYS": 0.0}),
    Ablation("file is named so", {"_FILE_NAMED": 0.0}),
    Ablation("defines it", {"_DEFINES": 0.0}),
    Ablation("next in the same file counts less", {"_NEXT_IN_FILE": 1.0}),
    Ablation("tests count less, or more", {"_TEST": 1.0, "_ASKED_TEST": 1.0}),
    Ablation("examples, vendored, beside the code", {"_ASIDE": 1.0}),
    Ablation("declarations", {"_DECLARED": 1.0}),
    Ablation("not code", {"_NOT_CODE": 1.0}),
    Ablation("no grammar", {"_UNPARSED": 1.0}),
    Ablation("closer look", {}, looks=False),
)


class Ablated:
    """Ranks without each thing in turn: a table a set, with an ablation a column."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}

    def add(self, scope: str, asked: Sequence[Asked]) -> None:
        """Rank these questions once for each ablation. Nothing of the candidates is kept."""
        for ablation in ABLATIONS:
            kept = self.tables.setdefault(scope, {}).setdefault(ablation.name, {})
            kept.update(ablation.ranks(asked))

    def report(self, report: Report) -> None:
        """Add a table: what is lost of nDCG@10 where a thing is left out."""
        report.table("nDCG@10 without …: difference [95 %] p", ("", *self.tables), self._rows())

    def _rows(self) -> Iterable[Sequence[str]]:
        scores = {
            scope: {name: score(ranks)["nDCG@10"] for name, ranks in by_name.items()}
            for scope, by_name in self.tables.items()
        }
        whole = {scope: by_name[WHOLE] for scope, by_name in scores.items()}
        yield [WHOLE, *(f"{sum(values.values()) / len(values):.4f}" for values in whole.values())]
        for ablation in ABLATIONS[1:]:
            without = ((whole[scope], scores[scope][ablation.name]) for scope in scores)
            yield [
                ablation.name,
                *(str(paired([*full.values()], [left[key] for key in full])) for full, left in without),
            ]
