"""``conexus search``: one question, or a file of them."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conexus.cli import text
from conexus.cli.exits import Exit
from conexus.cli.options import json_option, root_option, set_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from conexus.engine.folder import Folder
    from conexus.engine.searcher import SearchReply
    from conexus.search.context import EditorContext
    from conexus.search.query import SearchRequest

_EXAMPLES = """\b
Examples:
  conexus search "where are secrets redacted"
  conexus search HttpClient.send --lang python
  conexus search "retry with backoff" --path 'src/**' --exclude '*_test.go' --explain
  conexus search --root ~/src/project --queries questions.jsonl --format trec
"""
# Git may take longer to tell all it knows; what it told by then counts.
_PAST_SECONDS = 2.0
_logger = logging.getLogger(__name__)


@click.command(epilog=_EXAMPLES)
@click.argument("query", required=False)
@root_option
@click.option(
    "--path", "paths", metavar="GLOB", multiple=True, help="Only paths that match; may be repeated."
)
@click.option("--exclude", metavar="GLOB", multiple=True, help="No paths that match; may be repeated.")
@click.option("--lang", metavar="NAME", multiple=True, help="Only this language; may be repeated.")
@click.option(
    "--kind", metavar="KIND", multiple=True, help="Only this kind, such as function; may be repeated."
)
@click.option(
    "--near",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file you work on: what is near to it ranks a little higher.",
)
@click.option("--limit", type=click.IntRange(1, 1000), help="Hits to return; search.limit if not given.")
@click.option(
    "--lines", type=click.IntRange(0), default=12, show_default=True, help="Lines shown of a hit; 0: all."
)
@json_option
@click.option(
    "--explain", is_flag=True, help="Say how QUERY was read, and why each hit stands where it stands."
)
@click.option("--no-index", is_flag=True, help="Search what is indexed now, without looking for changes.")
@click.option(
    "--queries",
    type=click.File("rb"),
    help='A file of questions, one {"id": …, "query": …} a line; - is stdin.',
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "trec"]),
    help="How the answers to --queries are written: jsonl.",
)
@set_option
def search(
    *,
    query: str | None,
    root: Path,
    paths: tuple[str, ...],
    exclude: tuple[str, ...],
    lang: tuple[str, ...],
    kind: tuple[str, ...],
    near: Path | None,
    limit: int | None,
    lines: int,
    as_json: bool,
    explain: bool,
    no_index: bool,
    queries: BinaryIO | None,
    form: str | None,
    flags: tuple[str, ...],
) -> int:
    """Find code by meaning, by word, by name or by path.

    The index is brought up to date first. QUERY is prose, an identifier, a path or code, with "exact phrases",
    /regular expressions/ and filters in any mixture: path:src lang:go kind:function -path:vendor.
    """
    _check_usage(query, queries, form, as_json=as_json)
    if limit is not None:
        flags = (*flags, f"search.limit={limit}")
    from conexus.cli.session import opened
    from conexus.search.query import SearchRequest

    with opened(root, flags) as folder:
        if not no_index and interrupted_while_indexing(folder):
            return Exit.INTERRUPTED
        request = SearchRequest(
            text=query or "",
            limit=folder.settings.search.limit,
            paths=paths,
            exclude_paths=exclude,
            languages=lang,
            kinds=kind,
            explain=explain,
            context=_context(folder, near),
            refine=True,
        )
        folder.searcher.wait_for_second_opinion()
        if queries is not None:
            from conexus.cli.batch import answer_all

            return answer_all(folder, request, queries, form or "jsonl")
        return _answer(folder, request, lines, as_json=as_json)


def _context(folder: Folder, near: Path | None) -> EditorContext:
    """Return what is at hand: the file the user works on, and with it what git knows of the folder."""
    from conexus.search.context import EditorContext

    if near is None:
        return EditorContext()
    # A path may be given from where the user stands, or as hits name it, from the folder.
    file = near.resolve() if near.exists() else folder.root / near
    folder.past.catch_up(_PAST_SECONDS)
    return EditorContext(active=Path(os.path.relpath(file, folder.root)).as_posix())


def _check_usage(query: str | None, queries: BinaryIO | None, form: str | None, *, as_json: bool) -> None:
    if (query is None) == (queries is None):
        raise click.UsageError("Give either a QUERY or --queries FILE.")
    if query is not None and not query.strip():
        raise click.UsageError("The QUERY is empty.")
    if form and queries is None:
        raise click.UsageError("--format goes with --queries.")
    if as_json and queries is not None:
        raise click.UsageError("--queries writes --format jsonl or trec; --json is for a single QUERY.")


def interrupted_while_indexing(folder: Folder) -> bool:
    """Bring the index up to date; return whether somebody stopped it."""
    from conexus.cli.session import reconcile
    from conexus.store.errors import IndexBusy, IndexUnwritable

    try:
        report = reconcile(folder)
    except (IndexBusy, IndexUnwritable) as refusal:
        if not _is_indexed(folder):
            raise
        # Somebody else brings the index up to date, or nobody can; what is committed already answers.
        _logger.warning("%s. Searching what is indexed so far.", refusal)
        return False
    if report.cancelled:
        click.echo(
            "Stopped while indexing; `conexus search --no-index` searches what is indexed so far.", err=True
        )
    return report.cancelled


def _is_indexed(folder: Folder) -> bool:
    from conexus.store.errors import IndexMissing

    try:
        folder.view()
    except IndexMissing:
        return False
    return True


def _answer(folder: Folder, request: SearchRequest, lines: int, *, as_json: bool) -> int:
    from conexus.cli import hits
    from conexus.search.confidence import WEAK_NOTE

    reply = folder.search(request)
    for note in (*([WEAK_NOTE] if reply.weak else []), *reply.notes, *_why_nothing(folder, reply)):
        _logger.warning("%s", note)
    if as_json:
        click.echo(hits.as_json(request.text, reply, explain=request.explain))
        return Exit.OK if reply.hits else Exit.NOTHING
    if request.explain:
        click.echo(hits.plan(reply))
    if hits.on_terminal():
        hits.draw(reply.hits, lines, explain=request.explain)
    else:
        for line in hits.plain(reply.hits, lines, explain=request.explain):
            click.echo(line)
    return Exit.OK if reply.hits else Exit.NOTHING


def _why_nothing(folder: Folder, reply: SearchReply) -> Iterator[str]:
    """Yield why there are no hits, or fewer than there might be: nothing is indexed, or a filter names what is not."""
    from conexus.search.unknown import remarks

    if not reply.files:
        yield f"no file of {text.name(str(folder.root))} is indexed; `conexus index` says what was left out, and why"
        return
    filters = reply.query.filters
    said = remarks(filters, folder.languages, lambda: folder.admits(filters), found=bool(reply.hits))
    yield from map(text.name, said)
