"""The command line as a whole: the group, and what becomes of every error."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from conexus import __version__
from conexus.cli.completion import completion
from conexus.cli.config import config
from conexus.cli.context import context
from conexus.cli.doctor import doctor
from conexus.cli.exits import Exit
from conexus.cli.index import index
from conexus.cli.lsp import lsp
from conexus.cli.mcp import mcp
from conexus.cli.search import search
from conexus.cli.status import status
from conexus.domain import ConexusError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_EXAMPLES = """\b
Examples:
  conexus search "where are secrets redacted"
  conexus search HttpClient.send --lang python --limit 5
  conexus index ~/src/project
  conexus doctor
"""


class _Conexus(click.Group):
    """The group whose commands end in an exit code, whatever happens in them."""

    def invoke(self, ctx: click.Context) -> Any:
        debug = bool(ctx.params.get("debug"))
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Python flushes stdout once more at exit; let that go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = Exit.CLOSED_PIPE
        except KeyboardInterrupt:
            click.echo("conexus: stopped", err=True)
            code = Exit.INTERRUPTED
        except ConexusError as error:
            code = _failed(str(error), Exit.FAILED, debug=debug)
        except OSError as error:
            # The disk, permissions, a missing directory: not a bug, and the system's message names it.
            code = _failed(f"{error}; `conexus doctor` may say what to do", Exit.FAILED, debug=debug)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - the last stop before the user
            code = _failed(_unforeseen(error), Exit.BUG, debug=debug)
        ctx.exit(code or Exit.OK)


@click.group(cls=_Conexus, epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Log more, and print the traceback of an error.")
@click.version_option(__version__, prog_name="conexus", message="%(prog)s %(version)s")
def conexus(*, debug: bool) -> None:
    """Find code by meaning, always current, on your own machine."""
    del debug  # Read from the context by those it concerns.


for _command in (index, search, context, status, doctor, config, completion, lsp, mcp):
    conexus.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line (of this process, or `arguments`) and exit with a code of `Exit`."""
    # A path or an excerpt that the terminal's encoding lacks is shown escaped instead of failing.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # always a TextIOWrapper here
    conexus.main(arguments, prog_name="conexus")


def _failed(message: str, code: Exit, *, debug: bool) -> Exit:
    import logging

    from conexus import log

    # The file gets the traceback in any case; stderr gets one sentence, and more only when asked.
    if not logging.getLogger("conexus").handlers:
        log.configure(debug=debug)
    logging.getLogger("conexus.cli").error("%s", message, exc_info=True)
    if debug:
        click.echo(log.masked(traceback.format_exc()), err=True, nl=False)
    return code


def _unforeseen(error: Exception) -> str:
    from conexus import log

    where = log.state_directory() / log.FILE_NAME
    first_line = str(error).partition("\n")[0]
    return f"unexpected {type(error).__name__}: {first_line}. This is a bug; {where} has the details."
