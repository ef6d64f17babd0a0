"""``search``: code by meaning, word, name and path."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Self

from attrs import evolve
from pydantic import Field, field_validator

from conexus.engine import wire
from conexus.engine.wire import EngineError
from conexus.mcp.shapes import LONGEST_PATH, LONGEST_QUERY, Ask, Cursor, Hits, globs, joined
from conexus.mcp.tool import Tool

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace

_DEEPEST = 1_000
_NEIGHBOURS = 30
# What an agent works on counts as much as a few places in the order, and never more than a better answer.
_NEAR = 0.15
_TICKET = re.compile(r"#\d+|\b[A-Z][A-Z0-9]+-\d+\b|(?<![A-Za-z0-9])\d{2,}(?=[-_/]|$)")


class SearchAsk(Ask):
    """Arguments of ``search``."""

    query: str = Field(max_length=LONGEST_QUERY)
    """What is looked for, in plain words, names or code. Filters may stand in it: lang:go path:src kind:function
    -path:vendor."""
    limit: int = Field(10, ge=1, le=100)
    """How many hits."""
    cursor: str = Field("", max_length=1_000)
    """next_cursor of the reply before, to go on after it."""
    paths: list[str] = Field([], max_length=100)
    """Only paths that match one of these globs, or begin with one of these folders."""
    exclude_paths: list[str] = Field([], max_length=100)
    """No paths that match one of these."""
    languages: list[str] = Field([], max_length=50)
    """Only these languages, such as python."""
    kinds: list[str] = Field([], max_length=50)
    """Only these kinds, such as function, class or section."""
    active_file: str = Field("", max_length=LONGEST_PATH)
    """The file being worked on: places near it come first among equals."""
    branch: str = Field("", max_length=300)
    """The branch being worked on: code of the ticket in its name comes first among equals."""

    @field_validator("query")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("say what to look for: a question, a name or a piece of code")
        return value


class SearchReply(Hits):
    """Result of ``search``."""

    first: int
    """How many hits came on the pages before."""
    next_cursor: str
    """Hand it back as cursor for more; empty at the end."""

    def cut(self, kept: int) -> Self:
        """Return fewer hits, and the cursor to the rest."""
        cursor = Cursor(place=[self.first + kept, self.revision]).sealed()
        return super().cut(kept).model_copy(update={"next_cursor": cursor})

    def text(self) -> str:
        """Return the hits, and how to go on."""
        more = f"More: cursor {self.next_cursor}" if self.next_cursor and self.hits else ""
        return joined(super().text(), more)


async def run(workspace: Workspace, ask: SearchAsk) -> SearchReply:
    """Answer from the index as it is, unsaved text included."""
    begin, revision = Cursor.opened(ask.cursor, int, int) if ask.cursor else (0, None)
    if not 0 <= begin < _DEEPEST:
        raise EngineError(f"a search goes {_DEEPEST} hits deep; ask a narrower question", kind="invalid")
    wanted = min(begin + ask.limit, _DEEPEST)
    asked = question(workspace, ask, wanted)
    reply, near = await asyncio.gather(
        workspace.ask_patiently("search", asked, lambda found: not found.hits),
        _near(workspace, ask, asked.roots),
    )
    reply = _nearest_first(reply, near)
    hits = reply.hits[begin:wanted]
    ended = len(reply.hits) < wanted or wanted >= _DEEPEST
    notes = [*reply.notes]
    if revision is not None and revision != reply.revision:
        notes.append("files changed since the last page: some hits may come twice or be missing")
    cursor = Cursor(place=[begin + len(hits), reply.revision]).sealed()
    return SearchReply.of(
        evolve(reply, hits=hits, notes=tuple(notes)), first=begin, next_cursor="" if ended else cursor
    )


def question(workspace: Workspace, ask: SearchAsk, limit: int) -> wire.Search:
    """Return the engine's question."""
    return wire.Search(
        text=ask.query,
        limit=limit,
        roots=workspace.root(ask.root),
        paths=globs(ask.paths),
        exclude_paths=globs(ask.exclude_paths),
        languages=globs(ask.languages),
        kinds=globs(ask.kinds),
    )


async def _near(workspace: Workspace, ask: SearchAsk, roots: tuple[str, ...]) -> dict[str, float]:
    """Return paths that belong to what is worked on, with how much; what cannot be found out counts nothing."""
    near: dict[str, float] = {}
    questions: list[wire.Related] = []
    if ask.active_file:
        try:
            found = await workspace.ask("read", wire.ReadText(ask.active_file, roots=roots, limit=1))
        except EngineError:
            return near
        near[found.path] = 1.0
        questions.append(wire.Related(found.path, limit=_NEIGHBOURS))
    if ask.branch and (ticket := _TICKET.search(ask.branch)):
        named = ticket[0] if not ticket[0].isdigit() else f"#{ticket[0]}"
        questions.append(wire.Related(ticket=named, roots=roots, limit=_NEIGHBOURS))
    for related in questions:
        try:
            reply = await workspace.ask("related", related)
        except EngineError:
            continue
        for hit in reply.hits:
            near[hit.path] = max(near.get(hit.path, 0.0), hit.score)
    return near


def _nearest_first(reply: wire.Reply, near: dict[str, float]) -> wire.Reply:
    if not near:
        return reply
    hits = [
        evolve(
            hit,
            score=min(1.0, hit.score * (1 + _NEAR * near[hit.path])),
            reasons=(*hit.reasons, "near what is worked on"),
        )
        if hit.path in near
        else hit
        for hit in reply.hits
    ]
    return evolve(reply, hits=tuple(sorted(hits, key=lambda hit: -hit.score)))


TOOL = Tool(
    name="search",
    title="Search code",
    description=(
        "Find code by meaning, word, name or path, in all files of the workspace including unsaved edits. The first"
        " choice for any question about the code. Returns excerpts with paths and line numbers, best first."
    ),
    ask=SearchAsk,
    reply=SearchReply,
    run=run,
)
