"""Many questions in one run, for outside harnesses: JSON lines in, JSON lines or TREC runs out."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
from attrs import evolve, frozen

from conexus.cli import text
from conexus.cli.exits import Exit
from conexus.cli.hits import record
from conexus.domain import ConexusError

if TYPE_CHECKING:
    from typing import BinaryIO

    from conexus.engine.folder import Folder
    from conexus.engine.searcher import SearchReply
    from conexus.search.query import SearchRequest


@frozen
class Question:
    """One line of a batch."""

    id: str | int
    query: str


class BadLineError(ConexusError):
    """A line of a batch that is not a question."""


def answer_all(folder: Folder, request: SearchRequest, lines: BinaryIO, form: str) -> Exit:
    """Answer each line as `request` with that line's text, printing as it goes.

    A line that cannot be answered is reported on stderr with its number; all others are answered. So is what is to be
    known of an answer, such as agents that failed: once, with the number of the first line it is about.
    """
    bad = 0
    said: set[str] = set()
    written = _trec if form == "trec" else _jsonl
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            question = read_question(line)
            reply = folder.search(evolve(request, text=question.query))
        except ConexusError as error:
            bad += 1
            click.echo(f"{text.name(lines.name)}:{number}: {error}", err=True)
            continue
        for note in dict.fromkeys(reply.notes):
            if note not in said:
                said.add(note)
                click.echo(f"{text.name(lines.name)}:{number}: {text.name(note)}", err=True)
        sys.stdout.writelines(f"{row}\n" for row in written(question, reply))
    if bad:
        click.echo(f"{text.count(bad, 'line')} could not be answered.", err=True)
    return Exit.PARTLY if bad else Exit.OK


def read_question(line: bytes) -> Question:
    """Return the question a line holds; raises BadLineError that says what is wrong with it."""
    try:
        entry = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadLineError(f"not JSON in UTF-8 ({error}); skipped") from error
    if not isinstance(entry, dict):
        raise BadLineError('not an object such as {"id": "1", "query": "…"}; skipped')
    identity, query = entry.get("id"), entry.get("query")
    if isinstance(identity, bool) or not isinstance(identity, str | int) or identity == "":
        raise BadLineError('"id" must be a string or a whole number; skipped')
    if not isinstance(query, str) or not query.strip():
        raise BadLineError('"query" must be a string that is not empty; skipped')
    return Question(identity, query)


def _jsonl(question: Question, reply: SearchReply) -> list[str]:
    answer = {"id": question.id, "hits": [record(hit) for hit in reply.hits]}
    return [json.dumps({**answer, "partial": True} if reply.partial else answer)]


def _trec(question: Question, reply: SearchReply) -> list[str]:
    topic = text.column(str(question.id))
    return [
        f"{topic} Q0 {text.column(hit.path)}:{hit.span.start_line}-{hit.span.end_line} {rank} {hit.score:.6f} conexus"
        for rank, hit in enumerate(reply.hits, 1)
    ]
