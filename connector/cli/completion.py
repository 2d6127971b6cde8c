"""`completion`: completion of commands, methods and their inputs in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    m365-connector completion bash > ~/.local/share/bash-completion/completions/m365-connector
    m365-connector completion zsh > "${fpath[1]}/_m365-connector"
    m365-connector completion fish > ~/.config/fish/completions/m365-connector.fish
    """
    from connector.cli import PROGRAM

    variable = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
    complete = get_completion_class(shell)
    assert complete is not None, "click knows every shell of the choice"
    click.echo(complete(ctx.find_root().command, {}, PROGRAM, variable).source())
