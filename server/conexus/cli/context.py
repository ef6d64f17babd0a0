"""``conexus context``: the evidence for a question, packed for whoever has to answer it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conexus.cli.exits import Exit
from conexus.cli.options import json_option, root_option, set_option

if TYPE_CHECKING:
    from conexus.engine.folder import Folder
    from conexus.engine.wire import Context, ContextReply

_EXAMPLES = """\b
Examples:
  conexus context "where are secrets redacted"
  conexus context "why does a retry not wait" --budget 8000 --task debug
  conexus context "how is the index kept current" --at src/live.py:120 --json
"""
_PAST_SECONDS = 2.0
_logger = logging.getLogger(__name__)


@click.command(epilog=_EXAMPLES)
@click.argument("query")
@root_option
@click.option(
    "--budget", metavar="TOKENS", default=4_000, show_default=True, help="Tokens that may be printed."
)
@click.option(
    "--task",
    type=click.Choice(["code", "debug", "architecture", "security", "docs"]),
    help="What the answer is for; the question decides if not given.",
)
@click.option(
    "--profile",
    type=click.Choice(["strict", "default", "relaxed"]),
    default="default",
    help="How strict its gates are.",
)
@click.option("--at", metavar="PATH:LINE", help="Where you are: the definition there comes first.")
@click.option(
    "--path", "paths", metavar="GLOB", multiple=True, help="Only paths that match; may be repeated."
)
@click.option("--exclude", metavar="GLOB", multiple=True, help="No paths that match; may be repeated.")
@click.option("--lang", metavar="NAME", multiple=True, help="Only this language; may be repeated.")
@json_option
@click.option(
    "--no-index", is_flag=True, help="Answer from what is indexed now, without looking for changes."
)
@set_option
def context(
    *,
    query: str,
    root: Path,
    budget: int,
    task: str | None,
    profile: str,
    at: str | None,
    paths: tuple[str, ...],
    exclude: tuple[str, ...],
    lang: tuple[str, ...],
    as_json: bool,
    no_index: bool,
    flags: tuple[str, ...],
) -> int:
    """Collect the evidence for a question: definitions, callers, tests, documents, facts, with line numbers.

    Every line stands in its file at this moment. What is printed is at most as many tokens as --budget says.
    """
    from conexus.cli.search import interrupted_while_indexing
    from conexus.cli.session import opened
    from conexus.engine.wire import Context

    if not query.strip():
        raise click.UsageError("The QUERY is empty.")
    path, line = _place(at) if at else ("", 0)
    asked = Context(
        query, budget, task or "", profile, path, line, paths=paths, exclude_paths=exclude, languages=lang
    )
    with opened(root, flags) as folder:
        if not no_index and interrupted_while_indexing(folder):
            return Exit.INTERRUPTED
        return _show(_answer(folder, asked), as_json=as_json)


def _place(at: str) -> tuple[str, int]:
    """Return the path, relative to the folder, and the line of ``PATH:LINE``."""
    path, _, line = at.rpartition(":")
    if not path or not line.isdecimal():
        raise click.UsageError(f"--at {at} is no place; write PATH:LINE.")
    return path, int(line)


def _answer(folder: Folder, asked: Context) -> ContextReply:
    from conexus.engine.contexts import Contexts
    from conexus.engine.wire import Completeness

    called = str(folder.root)
    folder.past.catch_up(_PAST_SECONDS)
    contexts = Contexts()
    places = [(called, _relative(folder.root, asked.path))] if asked.path else []
    try:
        folder.view()
        covered = Completeness(complete=True, files=folder.files, pending=0, percent=100, phase="ready")
        return contexts.ask_folders([(called, folder)], places, asked, covered, lambda: False)
    finally:
        contexts.close()


def _relative(root: Path, path: str) -> str:
    """Return `path` relative to the folder; it may be given so, absolute, or from where the shell stands."""
    for start in (root, Path.cwd()):
        whole = (start / path).resolve()
        if whole.is_file() and whole.is_relative_to(root):
            return whole.relative_to(root).as_posix()
    raise click.UsageError(f"--at {path}: there is no such file in {root}.")


def _show(reply: ContextReply, *, as_json: bool) -> int:
    from attrs import asdict

    for note in reply.notes:
        _logger.warning("%s", note)
    for gate in reply.gates:
        if gate.outcome != "passed":
            _logger.warning("%s: %s", gate.name, gate.detail)
    if as_json:
        click.echo(json.dumps(asdict(reply)))
    else:
        click.echo(reply.text, nl=False)
    return Exit.OK if reply.evidence else Exit.NOTHING
