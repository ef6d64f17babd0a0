"""How well it finds: nDCG@10, MRR and Recall on 26 repositories, CoSQA and pinned packages, beside BM25 and semble.

Metric: the best hits, chunks as they come, no file counted once. A target's rank is that of the first
hit whose path equals it, or ends with it (either way round), and whose lines overlap when the target names
lines; gain 1 for each target found, over the best possible for min(10, targets). `measures` gives this to
trec_eval. ``compare A B`` compares two columns of ranks, ``show-one QUERY`` explains one answer, ``beside`` says
what other projects beside the one that is asked about cost.
"""

from __future__ import annotations

from bench.quality.asking import indexed, indexes, tree
from bench.quality.beside import ask_beside
from bench.quality.measures import LIMIT, ndcg
from bench.quality.ranks import compare
from bench.quality.runs import run
from bench.quality.show import show_one
from bench.quality.truth import Project, Question, Target, projects_in

__all__ = [
    "LIMIT",
    "Project",
    "Question",
    "Target",
    "indexed",
    "indexes",
    "main",
    "ndcg",
    "projects_in",
    "tree",
]


def main(arguments: list[str]) -> None:
    """Score what the options name, or do what the first word says."""
    verbs = {"compare": compare, "show-one": show_one, "beside": ask_beside}
    if arguments and arguments[0] in verbs:
        verbs[arguments[0]](arguments[1:])
    else:
        run(arguments)
