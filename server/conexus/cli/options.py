"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)

folder_argument = click.argument("directory", metavar="[DIR]", default=".", type=_DIRECTORY)
root_option = click.option(
    "--root",
    metavar="DIR",
    default=".",
    type=_DIRECTORY,
    help="The folder to search; the current one if not given.",
)
set_option = click.option(
    "--set",
    "flags",
    metavar="KEY=VALUE",
    multiple=True,
    help="A setting for this run, such as index.workers=1; may be repeated.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
