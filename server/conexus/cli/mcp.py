"""``conexus mcp``: the agents' server on stdin and stdout, or on a loopback port."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from conexus.settings import Loaded

_EXAMPLES = """\b
Examples:
  conexus mcp
  conexus mcp --root ~/src/project --root ~/src/library
  conexus mcp --http --port 7391
"""
_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
_PORT = 7391


@click.command(epilog=_EXAMPLES)
@click.option(
    "--root",
    "roots",
    metavar="DIR",
    multiple=True,
    type=_DIRECTORY,
    help="A folder to answer about; the current one if not given. May be repeated.",
)
@click.option("--http", is_flag=True, help="Serve streamable HTTP on 127.0.0.1 instead of stdin and stdout.")
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65_535),
    default=_PORT,
    show_default=True,
    help="With --http: the port; 0 for any that is free.",
)
@click.option("--stdio", is_flag=True, help="Accepted because clients pass it; it is what happens anyway.")
def mcp(*, roots: tuple[Path, ...], http: bool, port: int, stdio: bool) -> int:
    """Serve coding agents by the Model Context Protocol, from the index that editors feed.

    Over HTTP, each request needs the token in the file that is named when the server starts.
    """
    del stdio
    if http:
        return _serve_http(roots, port)
    from conexus.stdio import claim

    # Before anything else is imported: whatever prints from here on cannot disturb the protocol.
    streams = claim()
    from conexus import settings
    from conexus.mcp.front import serve_stdio

    loaded, folders = _prepare(roots)
    return serve_stdio(folders, loaded.settings, settings.data_directory(loaded.settings), streams)


def _serve_http(roots: tuple[Path, ...], port: int) -> int:
    from conexus import settings
    from conexus.mcp.front import serve_http
    from conexus.mcp.token import token_file

    loaded, folders = _prepare(roots)

    def started(url: str) -> None:
        click.echo(f"Serving {url}, with the token in {token_file()}", err=True)

    return serve_http(folders, loaded.settings, settings.data_directory(loaded.settings), port, started)


def _prepare(roots: tuple[Path, ...]) -> tuple[Loaded, list[Path]]:
    from conexus.cli.session import prepare

    folders = [root.absolute() for root in roots or (Path.cwd(),)]
    return prepare(folders[0], ()), folders
