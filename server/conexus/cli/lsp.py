"""``conexus lsp``: the language server on stdin and stdout."""

from __future__ import annotations

import click

_EXAMPLES = """\b
Examples:
  conexus lsp
  conexus --debug lsp --stdio
"""


@click.command(epilog=_EXAMPLES)
@click.option("--stdio", is_flag=True, help="Accepted because editors pass it; there is no other way.")
def lsp(*, stdio: bool) -> int:
    """Serve one editor on stdin and stdout, by the Language Server Protocol.

    Exits with 0 after an orderly shutdown, with 1 when the editor went away without one.
    """
    del stdio
    from conexus.stdio import claim

    # Before anything else is imported: whatever prints from here on cannot disturb the protocol.
    incoming, outgoing = claim()
    from pathlib import Path

    from conexus import log, settings
    from conexus.engine.lifecycle import spawn_early

    # It loads its libraries while we load ours, half a second each.
    spawn_early(settings.data_directory(settings.load(Path.cwd()).settings))
    from conexus.lsp.server import serve

    log.configure(debug=bool(click.get_current_context().find_root().params.get("debug")))
    return serve(incoming, outgoing)
