"""``conexus status``: what the index of a folder holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from conexus.cli import text
from conexus.cli.exits import Exit
from conexus.cli.options import folder_argument, json_option, set_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conexus.engine.folder import Status

_EXAMPLES = """\b
Examples:
  conexus status
  conexus status ~/src/project --json
"""


@click.command(epilog=_EXAMPLES)
@folder_argument
@set_option
@json_option
def status(directory: Path, flags: tuple[str, ...], *, as_json: bool) -> int:
    """Say what the index of DIR holds, without looking for changes.

    Exits with 1 when DIR has no index yet.
    """
    from conexus.cli.session import opened

    with opened(directory, flags) as folder:
        state = folder.status()
    if as_json:
        click.echo(json.dumps(_record(state)))
    else:
        for line in _lines(state):
            click.echo(line)
    return Exit.OK if state.stats is not None else Exit.NOTHING


def _record(state: Status) -> dict[str, Any]:
    import attrs

    return {"indexed": state.stats is not None, **attrs.asdict(state)}


def _lines(state: Status) -> Iterator[str]:
    yield f"folder     {text.name(state.root)}"
    if state.stats is None:
        yield "index      none yet; run `conexus index`"
        return
    import attrs

    yield f"index      {text.name(state.directory)}"
    yield f"model      {text.name(state.model)}"
    for key, value in attrs.asdict(state.stats).items():
        yield f"{key.replace('_', ' '):<10} {_figure(value)}"
    yield f"languages  {_counts(state.languages)}"
    yield f"skipped    {_counts(state.skipped)}"
    for note in state.notes:
        yield f"note       {text.name(note)}"


def _figure(value: object) -> str:
    if isinstance(value, dict):
        return _counts(value)
    return f"{value:,}" if isinstance(value, int) else text.name(str(value))


def _counts(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number:,} {name}" for name, number in ordered) or "none"
