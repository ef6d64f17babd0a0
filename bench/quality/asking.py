"""Folders indexed, questions asked: what the agents found, and the order the engine makes of it."""

from __future__ import annotations

import shutil
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

import conexus
from bench.corpora import CACHE, checkout, digest_of_files
from bench.quality.measures import DEPTH, LIMIT
from conexus.embedding.embedder import load
from conexus.embedding.static import StaticEmbedder
from conexus.embedding.words import passage
from conexus.engine.searcher import rarity_in
from conexus.search.closer import look_closer, texts_as_indexed
from conexus.search.copies import copies_last
from conexus.search.gates import verify
from conexus.search.query import Intent, SearchRequest
from conexus.search.rank import rank
from conexus.search.retrieve import Agent, Ground, allowed_files, retrieve

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bench.quality.truth import Places, Project, Question
    from conexus.engine.engine import Engine
    from conexus.engine.folder import Folder
    from conexus.engine.view import View
    from conexus.search.query import Query
    from conexus.search.rank import Ranked
    from conexus.search.retrieve import Found

_ALONE = (Agent.LEXICAL, Agent.SEMANTIC)
# The gates drop a hit now and then.
_SPARE = 5


def as_they_are(_query: Query, ranked: Sequence[Ranked]) -> list[Ranked]:
    """Look no closer."""
    return list(ranked)


@frozen
class Asked:
    """A question, its plan, and what each agent found. Ranking it again needs no index, only the files."""

    question: Question
    query: Query
    found: tuple[Found, ...]
    look: Callable[[Query, Sequence[Ranked]], list[Ranked]] = as_they_are
    """Looks closer at hits."""

    def ranked(self) -> Places:
        """Return the first `DEPTH` places of the order, not checked against the files."""
        best = self.look(self.query, rank(evolve(self.query, limit=DEPTH), self.found))
        return [[one.row.path, one.row.span.start_line, one.row.span.end_line] for one in best]


def asked(folder: Folder, questions: Iterable[Question]) -> Iterator[Asked]:
    """Yield what the agents find for each question when ten hits are wanted, with all the time they need."""
    view, embedder = folder.view(), StaticEmbedder()
    ground = Ground(view.snapshot, view.records, view.texts)
    look = partial(
        look_closer,
        embedder=embedder,
        rarity=rarity_in(view.snapshot),
        text_of=texts_as_indexed(view.records, view.read, cut=view.cut),
    )
    for question in questions:
        query = folder.searcher.plan(SearchRequest(question.text, limit=LIMIT), view)
        allowed = allowed_files(query, view.snapshot, view.records)
        found = retrieve(query, view.snapshot, embedder, folder.searcher.pool, allowed, ground=ground)
        yield Asked(question, query, tuple(found), look)


def answers(folder: Folder, answered: Iterable[Asked]) -> dict[str, dict[str, Places]]:
    """Return what the engine answers, and its lexical and semantic agents alone: system → question id → places.

    The engine's are those `Folder.search` gives for ten hits, and the places after them in the same order.
    """
    found: dict[str, dict[str, Places]] = defaultdict(dict)
    view = folder.view()
    for one in answered:
        found["conexus"][one.question.id] = _shown(folder, view, one)
        for result in one.found:
            if result.agent in _ALONE:
                rows = [[r.path, r.span.start_line, r.span.end_line] for r in result.rows[:DEPTH]]
                found[f"our {result.agent}"][one.question.id] = rows
    return found


def refined(folder: Folder, questions: Iterable[Question]) -> dict[str, Places]:
    """Return the ten best by question id, put in order by the model of `search.second_model`."""
    folder.searcher.wait_for_second_opinion()
    replies = {q.id: folder.search(SearchRequest(q.text, limit=LIMIT, refine=True)) for q in questions}
    return {
        key: [[hit.path, hit.span.start_line, hit.span.end_line] for hit in reply.hits]
        for key, reply in replies.items()
    }


def _shown(folder: Folder, view: View, one: Asked) -> Places:
    around = folder.searcher.around(SearchRequest(one.question.text).context)
    ranked = one.look(one.query, rank(evolve(one.query, limit=DEPTH + _SPARE), one.found, around))
    hits = verify(ranked, view.records, view.read, DEPTH).hits
    if one.query.intent is Intent.PROSE:
        hits = copies_last(hits, lambda path: view.records[path].size)
    return [[hit.path, hit.span.start_line, hit.span.end_line] for hit in hits]


def embedded(files: Mapping[str, str], questions: Sequence[Question]) -> dict[str, Places]:
    """Answer by exact cosine over the texts of `files`, by path: the model without chunks, index or path."""
    embedder, paths = load("static"), list(files)
    vectors = embedder.embed([passage("", "", text) for text in files.values()])
    best = {q.id: (vectors @ embedder.embed_query(q.text)).argsort()[::-1][:DEPTH] for q in questions}
    return {key: [[paths[number], 1, 1] for number in order] for key, order in best.items()}


def indexes(*, fresh: bool) -> Path:
    """Return where the indexes of this run lie: kept as long as no code that fills them changes."""
    package = Path(conexus.__file__).parent
    layers = ("parsing", "embedding", "workspace", "store", "indexing")
    filling = (path for layer in layers for path in (package / layer).glob("*.py"))
    kept = CACHE / "quality-index" / digest_of_files([*filling, *(package / "embedding/model").iterdir()])
    if fresh or not kept.exists():
        shutil.rmtree(kept.parent, ignore_errors=True)
        kept.mkdir(parents=True)
    return kept


def indexed(engine: Engine, root: Path) -> Folder:
    """Return the folder with its index brought up to date."""
    folder = engine.open(root)
    folder.reconcile()
    return folder


def tree(options: argparse.Namespace, project: Project) -> Path:
    """Return the project's files: a folder of its name, or made from a git directory in `--mirror`."""
    root = options.repositories / project.name
    if not root.exists() and options.mirror:
        mirrored = options.mirror / project.repository.replace("/", "+") / "repo"
        checkout(mirrored, project.revision, root)
    if not root.is_dir():
        raise SystemExit(f"{root}: missing; check out {project.repository} at {project.revision} there")
    return root


def folder_of(name: str, files: Mapping[str, str]) -> Path:
    """Return a folder of the corpora that holds `files`, by path; what is as it should be is left as it is."""
    root = CACHE / "corpora" / name
    for relative, text in files.items():
        path = root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        source = text.encode("utf-8", "replace")
        if not path.exists() or path.read_bytes() != source:
            path.write_bytes(source)
    return root
