"""``conexus completion``: the script that teaches a shell our commands and options."""

from __future__ import annotations

import click

from conexus.cli.exits import Exit

_VARIABLE = "_CONEXUS_COMPLETE"
_EXAMPLES = """\b
Examples:
  conexus completion bash >> ~/.bashrc
  conexus completion zsh >> ~/.zshrc
  conexus completion fish > ~/.config/fish/completions/conexus.fish
"""


@click.command(epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print a completion script for SHELL."""
    from click.shell_completion import get_completion_class

    completer = get_completion_class(shell)
    assert completer is not None
    command = context.find_root().command
    source = completer(command, {}, "conexus", _VARIABLE)
    # Not source(): click's would first start the shell to look at its version.
    click.echo(source.source_template % source.source_vars())
    return Exit.OK
