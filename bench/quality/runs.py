"""``python -m bench quality``: the sets that the options name, asked, scored and reported."""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from attrs import evolve, frozen

import bench.quality
from bench import peers
from bench.quality import asking, pinned, ranks
from bench.quality.ablate import Ablated
from bench.quality.measures import LIMIT, MEASURES, estimate, ranks_of, score, write_runs
from bench.quality.options import add_repositories, path_from
from bench.quality.truth import FIRST_EIGHT, PINNED, cosqa, pools, projects_in
from bench.report import Report
from conexus import settings
from conexus.engine.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bench.quality.measures import Ranks
    from bench.quality.truth import Places, Project, Question

PUBLISHED = {"semble (published, 52 repos)": 0.856, "CodeRankEmbed hybrid (published)": 0.860}
REFINED = "with a second opinion"
OURS = ("conexus", REFINED, "our lexical", "our semantic")
THEIRS = tuple(f"semble {mode}" for mode in peers.MODES)
TITLES = {
    "whole": "repositories, whole",
    "sub-folder": "repositories, sub-folder",
    "cosqa": "CoSQA dev: 500 human questions over 6,267 functions",
    "pools": "function pools of unseen packages, one function a file",
    "pinned": "pinned packages",
}


@frozen
class Score:
    """One question as one system answered it in one set."""

    system: str
    scope: str
    project: Project
    question: Question
    ranks: Ranks
    values: Mapping[str, float]
    """By the names of `MEASURES`."""
    places: Places

    @property
    def ndcg(self) -> float:
        """Return nDCG@10."""
        return self.values["nDCG@10"]


def scored(scope: str, project: Project, found: Mapping[str, Mapping[str, Places]]) -> Iterable[Score]:
    """Yield the scores of every system of `found` (system → question id → places) for a project's questions."""
    for system, places in found.items():
        given = {q.id: ranks_of(q.targets, places[q.id]) for q in project.questions}
        values = score(given)
        for question in project.questions:
            own = {name: by_id[question.id] for name, by_id in values.items()}
            yield Score(system, scope, project, question, given[question.id], own, places[question.id])


@frozen
class Asker:
    """What all sets have in common: where indexes lie, who gives second opinions, who wants to see candidates."""

    indexes: Path
    second: str
    """A transformer, or empty."""
    ablated: Ablated | None

    def ask(self, scope: str, root: Path, project: Project) -> dict[str, dict[str, Places]]:
        """Return what we answer from `root`: system → question id → places."""
        # All candidates are judged, however long that takes: what a smaller budget costs is another question.
        search = settings.SearchSettings(second_model=self.second, second_ms=60_000)
        with Engine(settings.Settings(search=search), self.indexes) as engine:
            folder = asking.indexed(engine, root)
            asked = list(asking.asked(folder, project.questions))
            found = asking.answers(folder, asked)
            if self.second:
                found[REFINED] = asking.refined(folder, project.questions)
        if self.ablated is not None:
            self.ablated.add(scope, asked)
        return found


def _repository_scores(
    options: argparse.Namespace, projects: Sequence[Project], asker: Asker
) -> Iterable[Score]:
    for project in projects:
        tree = asking.tree(options, project)
        for scope, root in (("whole", tree), ("sub-folder", tree / project.root)):
            found = asker.ask(scope, root, project)
            if not options.no_peers:
                found |= _of_peers(root, project)
            yield from scored(scope, project, found)
        print(f"  {project.name} done", flush=True)


def _cosqa_scores(folder: Path, asker: Asker) -> Iterable[Score]:
    files, project = cosqa(folder)
    found = asker.ask("cosqa", asking.folder_of("cosqa", files), project)
    found["embedder"] = asking.embedded(files, project.questions)
    return scored("cosqa", project, found)


def _pool_scores(options: argparse.Namespace, asker: Asker) -> Iterable[Score]:
    for pool in pools(options.pools, options.only):
        project = _sampled(pool.project, options.sample)
        root = asking.folder_of(project.name, pool.files)
        found = asker.ask("pools", root, project)
        found["embedder"] = asking.embedded(pool.files, project.questions)
        if not options.no_peers:
            found |= _of_peers(root, project)
        yield from scored("pools", project, found)
        asked, written = len(project.questions), len(pool.project.questions)
        print(f"  {project.name} done: {asked:,} of {written:,} questions", flush=True)


def _sampled(project: Project, count: int | None) -> Project:
    """Return the project with `count` of its questions, evenly spread; with all of them if there are no more."""
    questions = project.questions
    if not count or count >= len(questions):
        return project
    return evolve(project, questions=tuple(questions[i * len(questions) // count] for i in range(count)))


def _of_peers(root: Path, project: Project) -> dict[str, dict[str, Places]]:
    queries = [{"id": question.id, "query": question.text} for question in project.questions]
    theirs = peers.semble_answers(root, project.revision, queries)
    return {f"semble {mode}": answer for mode, answer in theirs.items()}


def _pinned_scores(asker: Asker) -> Iterable[Score]:
    folders = pinned.folders()
    for project in projects_in(PINNED, tuple(folders)):
        yield from scored("pinned", project, asker.ask("pinned", folders[project.name], project))


def mean(scores: Iterable[Score]) -> float:
    """Return the mean nDCG@10 over questions; NaN when there are none."""
    values = [score.ndcg for score in scores]
    return sum(values) / len(values) if values else math.nan


def _report(report: Report, by_set: Mapping[str, Sequence[Score]]) -> None:
    for scope, scores in by_set.items():
        _report_set(report, scope, scores)
    if "whole" in by_set:
        _report_systems(report, by_set)
    if "pools" in by_set:
        _report_pools(report, by_set["pools"])


def _report_set(report: Report, scope: str, scores: Sequence[Score]) -> None:
    """Add tables of one set: every system, and ours by category and language."""
    systems = _by(scores, lambda one: one.system)
    order = [name for name in (*OURS, "embedder", *THEIRS) if name in systems]
    columns = ("", "questions", *MEASURES)
    report.table(f"{TITLES[scope]}: mean [95 %]", columns, [_row(name, systems[name]) for name in order])
    ours = systems["conexus"]
    groups = {**_by(ours, lambda one: one.question.category), **_by(ours, lambda one: one.project.language)}
    if len(groups) > 2:
        report.table(f"{TITLES[scope]}: conexus", columns, [_row(name, groups[name]) for name in groups])


def _row(name: str, scores: Sequence[Score]) -> list:
    # Peers were asked for ten hits.
    shallow = name in THEIRS
    cells = (
        "-" if shallow and measure == "Recall@50" else str(estimate(one.values[measure] for one in scores))
        for measure in MEASURES
    )
    return [name, len(scores), *cells]


def _by(scores: Iterable[Score], key: Callable[[Score], str]) -> dict[str, list[Score]]:
    groups: dict[str, list[Score]] = defaultdict(list)
    for one in scores:
        groups[key(one)].append(one)
    return dict(sorted(groups.items()))


def _report_systems(report: Report, by_set: Mapping[str, Sequence[Score]]) -> None:
    """Add nDCG@10 of all systems side by side, by category and language of the repositories."""
    scores = [one for scope in ("whole", "sub-folder") for one in by_set.get(scope, ())]
    systems = [name for name in (*OURS, *THEIRS) if any(one.system == name for one in scores)]
    groups = {"all": scores, **_by(scores, lambda one: one.question.category)}
    wanted = [(scope, name, groups[name]) for scope in ("whole", "sub-folder") for name in groups]
    languages = _by(by_set.get("whole", ()), lambda one: one.project.language)
    wanted += [("whole", name, languages[name]) for name in languages]
    rows = []
    for scope, name, group in wanted:
        by_system = _by((one for one in group if one.scope == scope), lambda one: one.system)
        count = len(by_system.get(systems[0], ()))
        rows.append([f"{scope}: {name}", count, *(mean(by_system.get(system, ())) for system in systems)])
    report.table("nDCG@10, repositories", ("", "questions", *systems), rows)
    report.add("\n".join(f"  {name}: {value:.3f}" for name, value in PUBLISHED.items()))


def _report_pools(report: Report, scores: Sequence[Score]) -> None:
    """Add nDCG@10 of all systems side by side by language, and its means over languages: each counts alike."""
    systems = [name for name in (*OURS, "embedder", *THEIRS) if any(one.system == name for one in scores)]
    by_language = {
        language: {system: mean(own) for system, own in _by(group, lambda one: one.system).items()}
        for language, group in _by(scores, lambda one: one.project.language).items()
    }
    rows: list[list] = [
        [name, *(values[system] for system in systems)] for name, values in by_language.items()
    ]
    for title, names in (("mean of the first eight", FIRST_EIGHT), ("mean of all", tuple(by_language))):
        there = [by_language[name] for name in names if name in by_language]
        rows.append([f"{title} ({len(there)})", *(fmean(own[system] for own in there) for system in systems)])
    report.table("nDCG@10, function pools", ("", *systems), rows)


def report_bars(report: Report, by_set: Mapping[str, Sequence[Score]]) -> None:
    """Hold the sets, asked in full, against the bars of the project; a language is as good as its mean."""
    ours = {scope: [one for one in scores if one.system == "conexus"] for scope, scores in by_set.items()}
    for scope, least in (("whole", 0.84), ("sub-folder", 0.88)):
        if scope in ours:
            report.bar(f"{scope}: nDCG@10", mean(ours[scope]), least=least)
            symbols = _by(ours[scope], lambda one: one.question.category).get("symbol", [])
            report.bar(f"{scope}: nDCG@10 of symbols", mean(symbols), least=0.97)
            name, value = min(_by_language(ours[scope]).items(), key=lambda item: item[1])
            report.bar(f"{scope}: nDCG@10 of the weakest language ({name})", value, least=0.75)
    for system, least in (("conexus", 0.50), (REFINED, 0.57)):
        if asked := [one for one in by_set.get("cosqa", ()) if one.system == system]:
            report.bar(f"CoSQA: nDCG@10, {system}", mean(asked), least=least)
    if "pools" in ours:
        report.bar(
            "function pools: nDCG@10, languages alike",
            fmean(_by_language(ours["pools"]).values()),
            least=0.63,
        )


def _by_language(scores: Iterable[Score]) -> dict[str, float]:
    return {name: mean(group) for name, group in _by(scores, lambda one: one.project.language).items()}


def _figures(by_set: Mapping[str, Sequence[Score]]) -> dict[str, float]:
    figures = {}
    for scope, scores in by_set.items():
        for system, group in _by(scores, lambda one: one.system).items():
            if scope in {"whole", "sub-folder"}:
                name = f"repositories, {scope}" if system == "conexus" else ""
            else:
                name = f"{scope}, {system}"
            if name:
                figures[name] = round(mean(group), 4)
    return figures


def _worst(scores: Sequence[Score], count: int) -> str:
    lines = [f"The {count} worst answers: question; wanted; the three best hits"]
    for one in sorted(scores, key=lambda one: one.ndcg)[:count]:
        wanted = ", ".join(target.path for target in one.question.targets)
        got = ", ".join(f"{path}:{first}" for path, first, _ in one.places[:3])
        lines += [
            f"  {one.ndcg:.2f} {one.question.id}: {one.question.text}",
            f"       - {wanted}",
            f"       + {got}",
        ]
    return "\n".join(lines)


def _table_of(scores: Iterable[Score]) -> ranks.Table:
    table: ranks.Table = {}
    for one in scores:
        table.setdefault(one.system, {})[one.question.id] = one.ranks
    return table


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench quality", description=bench.quality.__doc__)
    add = parser.add_argument
    add_repositories(parser, "projects, or languages of the pools, separated by commas")
    add("--cosqa", type=Path, default=path_from("CONEXUS_BENCH_COSQA"), help="folder of the CoSQA files")
    add("--pools", type=Path, default=path_from("CONEXUS_BENCH_POOLS"),
        help="pools.json of python -m bench.train prepare: functions of packages the model has not seen")  # fmt: skip
    add("--sample", type=int, help="ask so many questions of each pool, evenly spread, instead of all")
    add("--pinned", action="store_true",
        help="only the pinned packages; fails if they are answered worse than bench/quality/ranks/pinned.tsv")  # fmt: skip
    add("--second", default="", help="also answer with a second opinion of this transformer, by name or path")
    add("--no-peers", action="store_true", help="leave semble out")
    add("--ablate", action="store_true", help="also rank without each agent, prior and step in turn")
    add("--fresh", action="store_true", help="do not reuse the indexes of an earlier run")
    add("--worst", type=int, default=12, help="how many of the worst answers to list")
    add("--dump", type=Path, help="write every answer to this file, one JSON object a line")
    add("--runs", type=Path, help="write run and qrels files of trec_eval to this folder")
    add("--ranks", type=Path, help="write tables of ranks, one a set, to this folder")
    add("--save", action="store_true",
        help="keep the run in RESULTS.md and history.jsonl, and its ranks in bench/quality/ranks")  # fmt: skip
    return parser.parse_args(arguments)


def _dump(file: Path, scores: Iterable[Score]) -> None:
    with file.open("w") as out:
        for one in scores:
            record = {"system": one.system, "scope": one.scope, "id": one.question.id}
            out.write(json.dumps({**record, "ndcg": one.ndcg, "places": one.places[:LIMIT]}) + "\n")


def _ask(options: argparse.Namespace, asker: Asker) -> dict[str, list[Score]]:
    """Return the scores of every set that the options name."""
    if options.pinned:
        return {"pinned": list(_pinned_scores(asker))}
    scores: list[Score] = []
    if options.queries:
        scores += _repository_scores(options, projects_in(options.queries, options.only), asker)
    if options.cosqa:
        scores += _cosqa_scores(options.cosqa, asker)
    if options.pools:
        scores += _pool_scores(options, asker)
    if not scores:
        raise SystemExit(
            "nothing to score: give --queries and --repositories, --cosqa, --pools, or --pinned; see bench/README.md"
        )
    by_set = _by(scores, lambda one: one.scope)
    return {scope: by_set[scope] for scope in TITLES if scope in by_set}


def _write(options: argparse.Namespace, by_set: Mapping[str, Sequence[Score]]) -> None:
    if options.dump:
        _dump(options.dump, (one for scores in by_set.values() for one in scores))
    kept = [options.ranks] if options.ranks else []
    if options.save and not options.only:
        kept.append(ranks.TABLES)
    for scope, scores in by_set.items():
        table = _table_of(scores)
        for folder in kept:
            folder.mkdir(parents=True, exist_ok=True)
            ranks.write(folder / f"{scope}.tsv", table)
        if options.runs:
            write_runs(options.runs, scope, table)


def run(arguments: list[str]) -> None:
    """Score what the options name; data the options do not name is left out."""
    options = _options(arguments)
    report = Report("quality-pinned" if options.pinned else "quality")
    ablated = Ablated() if options.ablate else None
    by_set = _ask(options, Asker(asking.indexes(fresh=options.fresh), options.second, ablated))
    _report(report, by_set)
    if ablated is not None:
        ablated.report(report)
    if not options.only:
        report_bars(report, by_set)
    report.figures |= _figures(by_set)
    for scores in by_set.values():
        # The questions are other people's: shown to whoever has them, not kept in our repository.
        report.show(_worst([one for one in scores if one.system == "conexus"], options.worst))
    worse = ""
    if options.pinned and not options.save:
        worse = pinned.check(_table_of(by_set["pinned"])["conexus"])
    _write(options, by_set)
    if ablated is not None and options.ranks:
        for scope, table in ablated.tables.items():
            ranks.write(options.ranks / f"{scope}-without.tsv", table)
    report.finish(save=options.save)
    if worse:
        raise SystemExit(f"worse than bench/quality/ranks/pinned.tsv: {worse}")
