"""``conexus status``: what the index of a folder holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

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
    from conexus.store.errors import IndexMissing

    with opened(directory, flags) as folder:
        try:
            state = folder.status()
        except IndexMissing as missing:
            click.echo(json.dumps({"indexed": False}) if as_json else f"not indexed: {missing}")
            return Exit.NOTHING
    if as_json:
        import attrs

        click.echo(json.dumps({"indexed": True, **attrs.asdict(state)}))
    else:
        for line in _lines(state):
            click.echo(line)
    return Exit.OK


def _lines(state: Status) -> Iterator[str]:
    import attrs

    values = attrs.asdict(state)
    # What the store counts by itself is said once.
    stats = {name: figure for name, figure in values.pop("stats").items() if name not in values}
    for key, value in {**values, **stats}.items():
        yield _line(key, value)


def _line(key: str, value: object) -> str:
    return f"{key.replace('_', ' '):<16}{_figure(value)}"


def _figure(value: object) -> str:
    if isinstance(value, dict):
        return _counts(value)
    if isinstance(value, tuple | list):
        return "; ".join(text.name(str(item)) for item in value) or "none"
    return f"{value:,}" if isinstance(value, int) else text.name(str(value))


def _counts(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number:,} {name}" for name, number in ordered) or "none"
