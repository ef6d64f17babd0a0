"""``conexus config``: the settings in force, and where each came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from conexus.cli.exits import Exit
from conexus.cli.options import folder_argument, json_option, set_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conexus.settings import Loaded

_EXAMPLES = """\b
Examples:
  conexus config
  conexus config ~/src/project --json
  conexus config --set model.device=cpu
"""


@click.command(epilog=_EXAMPLES)
@folder_argument
@set_option
@json_option
def config(directory: Path, flags: tuple[str, ...], *, as_json: bool) -> int:
    """Print every setting in force for DIR with its origin, as TOML."""
    from conexus.cli.session import prepare

    loaded = prepare(directory, flags)
    if as_json:
        click.echo(json.dumps(_record(loaded)))
    else:
        for line in _toml(loaded):
            click.echo(line)
    return Exit.OK


def _record(loaded: Loaded) -> dict[str, Any]:
    from conexus import settings

    entries = {
        key: {
            "value": settings.value_of(loaded.settings, key),
            "default": rule.default,
            "origin": loaded.origins[key],
            "allowed": rule.allowed,
        }
        for key, rule in settings.rules().items()
    }
    return {
        "settings": entries,
        "problems": list(loaded.problems),
        "user_file": str(settings.user_file()),
        "data_directory": str(settings.data_directory(loaded.settings)),
    }


def _toml(loaded: Loaded) -> Iterator[str]:
    from conexus import settings

    yield f"# user's file: {settings.user_file()}"
    yield f"# indexes: {settings.data_directory(loaded.settings)}"
    section = ""
    for key, rule in settings.rules().items():
        owner, _, name = key.partition(".")
        if owner != section:
            section = owner
            yield f"\n[{section}]"
        origin = loaded.origins[key]
        comment = origin
        if origin != settings.DEFAULT_ORIGIN:
            comment = f"from {origin}; default {_literal(rule.default)}"
        yield f"{name} = {_literal(settings.value_of(loaded.settings, key))}  # {comment}"


def _literal(value: Any) -> str:
    # JSON's strings, numbers, booleans and arrays are TOML's too.
    return json.dumps(value)
