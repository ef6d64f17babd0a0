"""Hits as people and programs read them: drawn on a terminal, plain lines, JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from conexus.cli import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conexus.engine.searcher import SearchReply
    from conexus.search.gates import Hit

# Where pygments has another name for a language than ours; the rest agree, or are shown as plain text.
_LEXERS = {"shell": "bash", "jupyter": "python"}


def on_terminal() -> bool:
    """Return whether the answer goes to a person's screen."""
    return sys.stdout.isatty()


def record(hit: Hit) -> dict[str, Any]:
    """Return a hit as the batch format has it: a path with ``/``, 1-based inclusive lines."""
    return {
        "path": hit.path,
        "start_line": hit.span.start_line,
        "end_line": hit.span.end_line,
        "score": round(hit.score, 6),
        "symbol": hit.symbol,
        "reasons": list(hit.reasons),
    }


def plan(reply: SearchReply) -> str:
    """Return how the question was read, as a line of its own before the hits."""
    return f"# {text.name(reply.query.shown)}"


def as_json(query: str, reply: SearchReply, *, explain: bool = False) -> str:
    """Return a whole reply as one line of ASCII JSON, which survives any name and any encoding."""
    from conexus.engine.answers import as_read

    answers = [
        {**record(hit), "line": hit.line, "kind": hit.kind, "language": hit.language, "excerpt": hit.excerpt}
        for hit in reply.hits
    ]
    return json.dumps(
        {
            "query": query,
            **({"plan": as_read(reply.query)} if explain else {}),
            "hits": answers,
            "files": reply.files,
            "revision": reply.revision,
            "agents": {str(agent): round(seconds, 6) for agent, seconds in reply.agents.items()},
            "states": dict(reply.states),
            "partial": reply.partial,
            "confidence": reply.confidence,
            "weak": reply.weak,
            "refined": reply.refined,
            "notes": list(reply.notes),
            "seconds": round(reply.seconds, 6),
        }
    )


def plain(hits: Sequence[Hit], limit: int, *, explain: bool = False) -> Iterator[str]:
    """Yield lines for a pipe: ``path:line: symbol``, then the excerpt's lines as ``path:line- text``."""
    for hit in hits:
        path = text.name(hit.path)
        yield f"{path}:{hit.line}: {text.name(hit.symbol)}".rstrip()
        if explain:
            yield f"  # {hit.score:.3f} {text.name('; '.join(hit.reasons))}"
        first, shown, _ = _cut(hit, limit)
        for number, line in enumerate(shown, first):
            yield f"{path}:{number}- {line}"


def draw(hits: Sequence[Hit], limit: int, *, explain: bool = False) -> None:
    """Print hits on a terminal, with line numbers and the colours of their language."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not hits:
        console.print("Nothing found.", style="yellow")
    for position, hit in enumerate(hits):
        if position:
            console.print()
        heading = Text.assemble(
            (text.name(hit.path), "bold magenta"),
            (f":{hit.line}", "green"),
            "  ",
            text.name(hit.symbol),
        )
        console.print(heading, soft_wrap=True)
        if explain:
            console.print(
                Text(f"{hit.score:.3f}  {text.name('; '.join(hit.reasons))}", style="dim"), soft_wrap=True
            )
        first, shown, more = _cut(hit, limit)
        console.print(_coloured(hit, first, shown))
        if more:
            console.print(Text(f"     … {text.count(more, 'more line')}", style="dim"))


def _coloured(hit: Hit, first: int, lines: list[str]) -> Any:
    from rich.syntax import Syntax

    # The terminal's own sixteen colours: readable on light and dark backgrounds alike.
    return Syntax(
        "\n".join(lines),
        _LEXERS.get(hit.language, hit.language),
        theme="ansi_dark",
        background_color="default",
        line_numbers=True,
        start_line=first,
    )


# Lines shown above the one to look at, where the excerpt is too long to be shown whole.
_LINES_BEFORE = 2


def _cut(hit: Hit, limit: int) -> tuple[int, list[str], int]:
    """Return the number of the first line shown, at most `limit` lines around the telling one, and how many are not."""
    lines = text.lines(hit.excerpt)
    if not limit or len(lines) <= limit:
        return hit.span.start_line, lines, 0
    start = max(0, min(hit.line - hit.span.start_line - _LINES_BEFORE, len(lines) - limit))
    shown = lines[start : start + limit]
    return hit.span.start_line + start, shown, len(lines) - len(shown)
