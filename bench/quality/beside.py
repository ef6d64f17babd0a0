"""What other projects beside the one that is asked about cost: as folders of their own, or all in one folder."""

from __future__ import annotations

import argparse
import os
import shutil
from typing import TYPE_CHECKING

from bench import corpora
from bench.corpora import CACHE
from bench.index import scratch
from bench.quality.asking import indexed, indexes, tree
from bench.quality.measures import LIMIT, ndcg, paired
from bench.quality.options import add_repositories
from bench.quality.truth import projects_in
from bench.report import Report
from conexus.engine.answers import merged
from conexus.engine.engine import Engine
from conexus.search.query import SearchRequest
from conexus.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bench.quality.truth import Places, Project, Question
    from conexus.engine.folder import Folder
    from conexus.engine.searcher import SearchReply
    from conexus.search.gates import Hit

_HERE, _THERE = "here", "there"
_ASKED_FROM = {"no active file": "", "from within it": _HERE, "from the other folder": _THERE}


def ask_beside(arguments: list[str]) -> None:
    """Ask about each project alone, and with others beside it; print what that costs."""
    options = _options(arguments)
    projects = projects_in(options.queries, options.only)
    other = corpora.ten_thousand().root
    report = Report("beside")
    with Engine(Settings(), indexes(fresh=False)) as engine:
        folders = {project.name: indexed(engine, tree(options, project)) for project in projects}
        beside_it = indexed(engine, other)
        costs = [
            values for project in projects for values in _apart(folders[project.name], beside_it, project)
        ]
        _report(report, f"Beside it a folder of {beside_it.files:,} files", costs)
        if options.each:
            costs = [
                values for project in projects for values in _with_one(folders[project.name], other, project)
            ]
            _report(report, "One repository and those in one folder", costs)
        if options.together:
            one = indexed(engine, _together([folders[project.name].root for project in projects], other))
            costs = [
                values for project in projects for values in _in_one(folders[project.name], one, project)
            ]
            _report(report, f"{len(projects)} repositories and those in one folder of {one.files:,}", costs)
    report.finish(save=False)


def _apart(folder: Folder, other: Folder, project: Project) -> Iterable[dict[str, float]]:
    for question in project.questions:
        replies = [(_HERE, _asked(folder, question)), (_THERE, _asked(other, question))]
        values = {"alone": ndcg(question.targets, _places(replies[0][1].hits))}
        for asked_from, home in _ASKED_FROM.items():
            hits = merged(replies, home)[:LIMIT]
            places = [_place(hit, called == _HERE) for called, hit in hits]
            values[asked_from] = ndcg(question.targets, places)
        yield values


def _with_one(folder: Folder, other: Path, project: Project) -> Iterable[dict[str, float]]:
    with scratch() as data, Engine(Settings(), data) as engine:
        yield from _in_one(folder, indexed(engine, _together([folder.root], other)), project)


def _in_one(folder: Folder, one: Folder, project: Project) -> Iterable[dict[str, float]]:
    inside = f"{folder.root.name}/"
    for question in project.questions:
        hits = _asked(one, question).hits
        places = [_place(hit, hit.path.startswith(inside), inside) for hit in hits]
        alone = ndcg(question.targets, _places(_asked(folder, question).hits))
        yield {"alone": alone, "all in one folder": ndcg(question.targets, places)}


def _asked(folder: Folder, question: Question) -> SearchReply:
    return folder.search(SearchRequest(question.text, limit=LIMIT))


def _places(hits: Sequence[Hit]) -> Places:
    return [_place(hit, ours=True) for hit in hits]


def _place(hit: Hit, ours: bool, inside: str = "") -> list:
    # What lies elsewhere may be called as a target is, and is none.
    path = hit.path.removeprefix(inside) if ours else f"/elsewhere/{hit.path}.not"
    return [path, hit.span.start_line, hit.span.end_line]


def _together(roots: Sequence[Path], other: Path) -> Path:
    """Return a folder that holds links to the files of all `roots` and `other`, each a repository of its own."""
    one = CACHE / "corpora" / "together"
    shutil.rmtree(one, ignore_errors=True)
    for root in (*roots, other):
        shutil.copytree(root, one / root.name, copy_function=os.link, ignore=shutil.ignore_patterns(".git"))
        (one / root.name / ".git").mkdir()
    return one


def _report(report: Report, title: str, costs: Sequence[dict[str, float]]) -> None:
    alone = [values["alone"] for values in costs]
    rows = []
    for name in costs[0]:
        given = [values[name] for values in costs]
        rows.append([name, len(given), sum(given) / len(given), str(paired(alone, given))])
        report.figures[f"{title}: {name}"] = round(sum(given) / len(given) - sum(alone) / len(alone), 4)
    report.table(f"{title}, nDCG@10", ("", "questions", "nDCG@10", "against alone"), rows)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench quality beside", description=__doc__)
    add_repositories(parser)
    parser.add_argument("--each", action="store_true", help="also each with the others' files in one folder")
    parser.add_argument("--together", action="store_true", help="also all of them in one folder")
    options = parser.parse_args(arguments)
    if not options.queries:
        parser.error("give --queries; see bench/README.md")
    return options
