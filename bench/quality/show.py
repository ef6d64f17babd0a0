"""One question, looked into: its plan, each agent's candidates, and why the hits stand where they stand."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bench.quality.asking import indexed, indexes
from conexus import settings
from conexus.engine.engine import Engine
from conexus.search.query import SearchRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conexus.engine.searcher import SearchReply


def show_one(arguments: list[str]) -> None:
    """Print how one question is answered."""
    parser = argparse.ArgumentParser(prog="python -m bench quality show-one", description=__doc__)
    parser.add_argument("query", metavar="QUERY")
    parser.add_argument("--folder", type=Path, default=Path(), help="the folder to ask; the current one")
    parser.add_argument("--candidates", type=int, default=10, help="how many of each agent")
    parser.add_argument("--limit", type=int, default=10, help="how many hits")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{options.folder}: not a directory")
    if not options.query.strip():
        parser.error("the QUERY is empty")
    with Engine(settings.Settings(), indexes(fresh=False)) as engine:
        folder = indexed(engine, options.folder.resolve())
        reply = folder.search(SearchRequest(options.query, limit=options.limit, explain=True))
    print("\n".join(explained(reply, options.candidates)))


def explained(reply: SearchReply, candidates: int) -> Iterator[str]:
    """Yield the lines that explain a reply."""
    yield f"plan: {reply.query.shown}"
    for found in reply.found:
        yield f"{found.agent} agent: {found.state}, {len(found.rows)} found, {found.seconds * 1000:.1f} ms {found.failure}"
        for place, row in enumerate(found.rows[:candidates], 1):
            yield f"  {place:>3} {row.score:8.3f}  {row.path}:{row.span.start_line}-{row.span.end_line} {row.symbol}"
    yield f"hits: confidence {reply.confidence:.2f}{', weak' if reply.weak else ''}; {'; '.join(reply.notes) or 'no notes'}"
    for place, hit in enumerate(reply.hits, 1):
        yield f"  {place:>3} {hit.score:8.3f}  {hit.path}:{hit.span.start_line}-{hit.span.end_line} {hit.symbol}"
        yield f"       {', '.join(hit.reasons)}"
