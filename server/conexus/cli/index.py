"""``conexus index``: bring a folder's index up to date."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from conexus.cli import text
from conexus.cli.exits import Exit
from conexus.cli.options import folder_argument, json_option, set_option

if TYPE_CHECKING:
    from pathlib import Path

    from conexus.indexing.indexer import Report

_EXAMPLES = """\b
Examples:
  conexus index
  conexus index ~/src/project --set index.workers=1
  conexus index --json | jq .skipped
"""
_NOTES_SHOWN = 20


@click.command(epilog=_EXAMPLES)
@folder_argument
@set_option
@json_option
def index(directory: Path, flags: tuple[str, ...], *, as_json: bool) -> int:
    """Bring the index of DIR up to date (the current folder if not given).

    Only what changed is read again. Nothing is written into the folder itself.
    """
    from conexus.cli.session import opened, reconcile

    with opened(directory, flags) as folder:
        report = reconcile(folder, quiet=as_json)
    if as_json:
        import attrs

        click.echo(json.dumps(attrs.asdict(report)))
    else:
        _notes(report)
        click.echo(summary(report))
    if report.cancelled:
        click.echo("Stopped; what is indexed can be searched. Run the command again to finish.", err=True)
        return Exit.INTERRUPTED
    return Exit.OK


def summary(report: Report) -> str:
    """Return the one line that says what a run came to."""
    unchanged = report.files - report.indexed
    changed = f"{report.indexed:,} read, {report.removed:,} removed, {unchanged:,} unchanged"
    vectors = f"{text.count(report.chunks, 'chunk')} ({report.embedded:,} embedded, {report.reused:,} reused)"
    parts = [f"{text.count(report.files, 'file')} ({changed})", vectors]
    if skipped := sum(report.skipped.values()):
        reasons = sorted(report.skipped.items(), key=lambda item: (-item[1], item[0]))
        parts.append(
            f"{skipped:,} skipped ({', '.join(f'{number:,} {reason}' for reason, number in reasons)})"
        )
    return f"{', '.join(parts)} in {report.seconds:.2f} s"


def _notes(report: Report) -> None:
    for note in report.notes[:_NOTES_SHOWN]:
        click.echo(f"note: {text.name(note)}", err=True)
    if (more := len(report.notes) - _NOTES_SHOWN) > 0:
        click.echo(f"note: {more:,} more of the kind; the log has all of them", err=True)
