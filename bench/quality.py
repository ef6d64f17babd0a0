"""How well it finds: nDCG@10 on 26 repositories and on CoSQA, beside BM25, dense-only and semble.

Metric: the ten best hits, chunks as they come, no file counted once. A target's rank is that of the first
hit whose path equals it, or ends with it (either way round), and whose lines overlap when the target names
lines; gain 1 for each target found, over the best possible for min(10, targets).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

import conexus
from bench import peers
from bench.corpora import CACHE, checkout, digest_of_files
from bench.report import Report
from conexus import settings
from conexus.embedding.embedder import load
from conexus.embedding.words import passage
from conexus.engine.engine import Engine
from conexus.search.query import SearchRequest, plan
from conexus.search.retrieve import Agent, allowed_files, retrieve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from conexus.engine.folder import Folder

LIMIT = 10
PUBLISHED = {"semble (published, 52 repos)": 0.856, "CodeRankEmbed hybrid (published)": 0.860}
REFINED = "with a second opinion"
OURS = ("conexus", "our lexical", "our semantic", REFINED)
THEIRS = tuple(f"semble {mode}" for mode in peers.MODES)

Places = list[list]
"""[path, first line, last line] of each hit, best first."""


@frozen
class Target:
    """Where an answer is: a file, or lines of it (0, 0 means all)."""

    path: str
    first: int = 0
    last: int = 0

    def is_hit_by(self, path: str, first: int, last: int) -> bool:
        """Return whether a hit at these lines finds this target."""
        same = path == self.path or path.endswith(f"/{self.path}") or self.path.endswith(f"/{path}")
        return same and (not self.last or (first <= self.last and last >= self.first))


@frozen
class Question:
    """A query with its known answers."""

    id: str
    text: str
    category: str
    targets: tuple[Target, ...]


@frozen
class Project:
    """A repository's questions; `root` is the sub-folder that published figures index."""

    name: str
    repository: str
    revision: str
    root: str
    language: str
    questions: tuple[Question, ...]


@frozen
class Score:
    """One question as one system answered it on one scope."""

    system: str
    scope: str
    project: Project
    question: Question
    ndcg: float
    places: Places


def ndcg(targets: Sequence[Target], places: Places) -> float:
    """Return nDCG@10 of one answer, as the module describes it."""
    ranks = (_rank(target, places[:LIMIT]) for target in targets)
    gained = sum(1 / math.log2(rank + 1) for rank in ranks if rank)
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(LIMIT, len(targets)) + 1))


def _rank(target: Target, places: Places) -> int:
    return next((rank for rank, place in enumerate(places, 1) if target.is_hit_by(*place)), 0)


def answers(folder: Folder, questions: Iterable[Question]) -> dict[str, dict[str, Places]]:
    """Return what the engine, and its lexical and semantic agents alone, answer from an indexed folder."""
    found: dict[str, dict[str, Places]] = defaultdict(dict)
    embedder = load("static")
    snapshot = folder._indexes.answering().index.snapshot()
    for question in questions:
        request = SearchRequest(question.text, limit=LIMIT)
        hits = folder.search(request).hits
        found["conexus"][question.id] = [[hit.path, hit.span.start_line, hit.span.end_line] for hit in hits]
        if folder.settings.search.second_model:
            hits = folder.search(evolve(request, refine=True)).hits
            found[REFINED][question.id] = [[hit.path, hit.span.start_line, hit.span.end_line] for hit in hits]
        query = plan(request)
        for result in retrieve(query, snapshot, embedder, folder._pool, allowed_files(query, snapshot)):
            if result.agent in {Agent.LEXICAL, Agent.SEMANTIC}:
                rows = [[r.path, r.span.start_line, r.span.end_line] for r in result.rows[:LIMIT]]
                found[f"our {result.agent}"][question.id] = rows
    return found


def _indexes(*, fresh: bool) -> Path:
    """Return where the indexes of this run lie: kept as long as no code that fills them changes."""
    package = Path(conexus.__file__).parent
    layers = ("parsing", "embedding", "workspace", "store", "indexing")
    filling = (path for layer in layers for path in (package / layer).glob("*.py"))
    kept = CACHE / "quality-index" / digest_of_files([*filling, *(package / "embedding/model").iterdir()])
    if fresh or not kept.exists():
        shutil.rmtree(kept.parent, ignore_errors=True)
        kept.mkdir(parents=True)
    return kept


def _index(engine: Engine, root: Path) -> Folder:
    folder = engine.open(root)
    folder.reconcile()
    folder.wait_for_second_opinion()
    return folder


def _settings(options: argparse.Namespace) -> settings.Settings:
    # All candidates are judged, however long that takes: what a smaller budget costs is another question.
    second = settings.SearchSettings(second_model=options.second, second_ms=60_000)
    return settings.Settings(search=second)


def _repository_scores(
    options: argparse.Namespace, projects: Sequence[Project], indexes: Path
) -> Iterable[Score]:
    for project in projects:
        tree = _tree(options, project)
        for scope, root in _scopes(project, tree):
            with Engine(_settings(options), indexes) as engine:
                found = answers(_index(engine, root), project.questions)
            if not options.no_peers:
                queries = [{"id": question.id, "query": question.text} for question in project.questions]
                theirs = peers.semble_answers(root, project.revision, queries)
                found |= {f"semble {mode}": answer for mode, answer in theirs.items()}
            yield from _scored(found, scope, project)
        print(f"  {project.name} done", flush=True)


def _scopes(project: Project, tree: Path) -> list[tuple[str, Path]]:
    return [("whole", tree), ("sub-folder", tree / project.root)]


def _scored(found: Mapping[str, Mapping[str, Places]], scope: str, project: Project) -> Iterable[Score]:
    for system, places in found.items():
        for question in project.questions:
            answer = places[question.id]
            yield Score(system, scope, project, question, ndcg(question.targets, answer), answer)


def _tree(options: argparse.Namespace, project: Project) -> Path:
    """Return the project's files: a folder of its name, or made from a git directory in `--mirror`."""
    tree = options.repositories / project.name
    if not tree.exists() and options.mirror:
        mirrored = options.mirror / project.repository.replace("/", "+") / "repo"
        checkout(mirrored, project.revision, tree)
    if not tree.is_dir():
        raise SystemExit(f"{tree}: missing; check out {project.repository} at {project.revision} there")
    return tree


def projects_in(file: Path, only: Sequence[str] = ()) -> list[Project]:
    """Return the projects of a query file, in its order."""
    records = json.loads(file.read_text())
    return [_project(record) for record in records if not only or record["name"] in only]


def _project(record: Mapping) -> Project:
    questions = tuple(
        Question(q["id"], q["query"], q["category"], tuple(map(_target, [*q["relevant"], *q["secondary"]])))
        for q in record["queries"]
    )
    names = ("name", "repository", "revision", "root", "language")
    return Project(*(record[name] for name in names), questions)


def _target(record: str | Mapping) -> Target:
    if isinstance(record, str):
        return Target(record)
    return Target(record["path"], record["start_line"], record["end_line"])


def mean(scores: Iterable[Score]) -> float:
    """Return the mean nDCG over questions; NaN when there are none."""
    values = [score.ndcg for score in scores]
    return sum(values) / len(values) if values else math.nan


def _report_repositories(report: Report, scores: Sequence[Score], worst: int) -> None:
    systems = [name for name in (*OURS, *THEIRS) if any(score.system == name for score in scores)]
    by_category = _by(scores, lambda score: score.question.category)
    groups = {"all": list(scores), **by_category}
    rows = [_row(name, scope, groups, systems) for scope in ("whole", "sub-folder") for name in groups]
    report.table("nDCG@10, repositories", ("", "questions", *systems), rows)
    languages = _by(scores, lambda score: score.project.language)
    rows = [_row(name, "whole", languages, systems) for name in sorted(languages)]
    report.table("By language, whole repositories", ("", "questions", *systems), rows)
    ours = [score for score in scores if score.system == "conexus"]
    for scope in ("whole", "sub-folder"):
        report.figures[f"repositories, {scope}"] = round(mean(s for s in ours if s.scope == scope), 4)
    # The questions are other people's: shown to whoever has them, not kept in our repository.
    report.show(_worst([score for score in ours if score.scope == "whole"], worst))


def _row(name: str, scope: str, groups: Mapping[str, Sequence[Score]], systems: Sequence[str]) -> list:
    here = [score for score in groups[name] if score.scope == scope]
    questions = sum(score.system == systems[0] for score in here)
    means = [mean(score for score in here if score.system == system) for system in systems]
    return [f"{scope}: {name}", questions, *means]


def _by(scores: Iterable[Score], key: Callable[[Score], str]) -> dict[str, list[Score]]:
    groups: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        groups[key(score)].append(score)
    return dict(sorted(groups.items()))


def _worst(scores: Sequence[Score], count: int) -> str:
    lines = [f"The {count} worst answers (whole repositories): question; wanted; the three best hits"]
    for score in sorted(scores, key=lambda score: score.ndcg)[:count]:
        wanted = ", ".join(target.path for target in score.question.targets)
        got = ", ".join(f"{path}:{first}" for path, first, _ in score.places[:3])
        lines += [
            f"  {score.ndcg:.2f} {score.question.id}: {score.question.text}",
            f"       - {wanted}",
            f"       + {got}",
        ]
    return "\n".join(lines)


def _cosqa(folder: Path) -> tuple[list[str], Project]:
    """Return the functions, and the 500 human questions about them, as files ``cosqa/NNNN.py``."""
    index = json.loads((folder / "code_idx_map.txt").read_text())
    functions = sorted(index, key=index.__getitem__)
    records = json.loads((folder / "cosqa-retrieval-dev-500.json").read_text())
    questions = tuple(
        Question(r["idx"], r["doc"], "web", (Target(f"cosqa/{r['retrieval_idx']:04}.py"),)) for r in records
    )
    return functions, Project("cosqa", "", "dev", "", "python", questions)


def _cosqa_scores(options: argparse.Namespace, indexes: Path) -> list[Score]:
    functions, project = _cosqa(options.cosqa)
    root = CACHE / "corpora" / "cosqa"
    (root / "cosqa").mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(functions):
        path = root / "cosqa" / f"{number:04}.py"
        if not path.exists():
            path.write_text(text)
    with Engine(_settings(options), indexes) as engine:
        found = answers(_index(engine, root), project.questions)
    found["embedder"] = _embedded(functions, project.questions)
    return list(_scored(found, "whole", project))


def _embedded(functions: Sequence[str], questions: Sequence[Question]) -> dict[str, Places]:
    """Answer by exact cosine over whole functions: the model without chunks, index or path."""
    embedder = load("static")
    vectors = embedder.embed([passage("", "", text) for text in functions])
    best = {q.id: (vectors @ embedder.embed_query(q.text)).argsort()[::-1][:LIMIT] for q in questions}
    return {key: [[f"cosqa/{number:04}.py", 1, 1] for number in order] for key, order in best.items()}


def _report_cosqa(report: Report, scores: Sequence[Score], worst: int) -> None:
    rows = [(name, len(group), mean(group)) for name, group in _by(scores, lambda s: s.system).items()]
    report.table("nDCG@10, CoSQA dev: 500 human questions over 6,267 functions", ("", "n", "nDCG@10"), rows)
    report.figures |= {f"cosqa, {name}": round(value, 4) for name, _, value in rows}
    report.show(_worst([score for score in scores if score.system == "conexus"], worst))


def _options(arguments: list[str]) -> argparse.Namespace:
    def path(variable: str, default: object = None) -> Path | None:
        value = os.environ.get(variable) or default
        return Path(value) if value else None

    parser = argparse.ArgumentParser(prog="python -m bench quality", description=__doc__)
    add = parser.add_argument
    add("--queries", type=Path, default=path("CONEXUS_BENCH_QUERIES"), help="repositories_dev.json")
    add("--repositories", type=Path, default=path("CONEXUS_BENCH_REPOSITORIES", CACHE / "repositories"),
        help="folder with one checkout a project, by its name")  # fmt: skip
    add("--mirror", type=Path, default=path("CONEXUS_BENCH_MIRROR"),
        help="folder of git directories OWNER+NAME/repo, to make missing checkouts from")  # fmt: skip
    add("--cosqa", type=Path, default=path("CONEXUS_BENCH_COSQA"), help="folder of the CoSQA files")
    add("--only", default="", help="projects, separated by commas")
    add("--no-peers", action="store_true", help="leave semble out")
    add("--second", default="", help="also answer with a second opinion of this transformer, by name or path")
    add("--fresh", action="store_true", help="do not reuse the indexes of an earlier run")
    add("--worst", type=int, default=12, help="how many of the worst answers to list")
    add("--dump", type=Path, help="write every answer to this file, one JSON object a line")
    add("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    return parser.parse_args(arguments)


def _dump(file: Path, scores: Iterable[Score]) -> None:
    with file.open("w") as out:
        for score in scores:
            record = {"system": score.system, "scope": score.scope, "id": score.question.id}
            out.write(json.dumps({**record, "ndcg": score.ndcg, "places": score.places}) + "\n")


def main(arguments: list[str]) -> None:
    """Score what the options name; data the options do not name is left out."""
    options = _options(arguments)
    indexes = _indexes(fresh=options.fresh)
    report = Report("quality")
    scores: list[Score] = []
    if options.queries:
        only = tuple(filter(None, options.only.split(",")))
        scores = list(_repository_scores(options, projects_in(options.queries, only), indexes))
        _report_repositories(report, scores, options.worst)
        report.add("\n".join(f"  {name}: {value:.3f}" for name, value in PUBLISHED.items()))
    if options.cosqa:
        cosqa = _cosqa_scores(options, indexes)
        _report_cosqa(report, cosqa, options.worst)
        scores += cosqa
    if not scores:
        raise SystemExit(
            "nothing to score: give --queries and --repositories, or --cosqa; see bench/README.md"
        )
    if options.dump:
        _dump(options.dump, scores)
    report.finish(save=options.save)
