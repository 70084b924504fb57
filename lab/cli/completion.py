"""`lab completion SHELL`: print the script that teaches a shell to complete `lab`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", short_help="Print a shell-completion script.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    Bash: add `eval "$(lab completion bash)"` to ~/.bashrc. Zsh: the same in ~/.zshrc.
    Fish: `lab completion fish > ~/.config/fish/completions/lab.fish`.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "lab", "_LAB_COMPLETE").source())
