"""``conexus doctor``: is everything here that Conexus needs, and if not, what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from conexus.cli import text
from conexus.cli.exits import Exit
from conexus.cli.options import folder_argument, json_option, set_option

if TYPE_CHECKING:
    from pathlib import Path

_EXAMPLES = """\b
Examples:
  conexus doctor
  conexus doctor --json
  conexus doctor --set model.name=all-MiniLM-L6-v2
"""
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(epilog=_EXAMPLES)
@folder_argument
@set_option
@json_option
def doctor(directory: Path, flags: tuple[str, ...], *, as_json: bool) -> int:
    """Check the environment, the settings for DIR, the store and the model, and say what to do.

    Exits with 1 when a check failed; warnings do not count.
    """
    import attrs

    from conexus.cli.checks import State, examine
    from conexus.cli.session import prepare

    found = []
    for check in examine(prepare(directory, flags)):
        found.append(check)
        if not as_json:
            click.echo(
                f"{click.style(f'{check.state:<4}', fg=_COLOURS[check.state])}  {check.name}: {check.detail}"
            )
            if check.advice:
                click.echo(f"      {check.advice}")
    failed = sum(check.state is State.FAIL for check in found)
    if as_json:
        click.echo(json.dumps({"ok": not failed, "checks": [attrs.asdict(check) for check in found]}))
    elif failed:
        click.echo(f"{text.count(failed, 'check')} failed.")
    return Exit.NOTHING if failed else Exit.OK
