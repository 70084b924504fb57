"""`lab ui`: the comparison as a live page, on this machine alone."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from lab.cli import common, output

if TYPE_CHECKING:
    from lab.comparison.tables import ComparisonQuery
    from lab.storage.store import Run


@click.command("ui", short_help="Show runs in the browser, live.")
@common.selection
@common.comparison_query
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="By default a free one.")
@click.option("--open/--no-open", default=True, show_default=True, help="Open the browser.")
@common.debug_option
def command(
    selected: common.Selected,
    make_query: Callable[..., ComparisonQuery],
    port: int,
    open: bool,
) -> None:
    """Show runs as a page that follows them: names, folders or patterns, or the whole runs folder.

    The page can be seen from this machine alone, at the address that is printed, and changes
    nothing. Ctrl-C ends it.
    """
    from lab.comparison.server import serving

    reader: Any = None

    def gather(runs: Sequence[Run]) -> dict[str, Any]:
        nonlocal reader
        # imported with the first request: the address is there at once
        from lab.comparison.report import Reader, gather

        reader = reader or Reader()
        return gather(runs, make_query(), reader)

    if selected:
        selected.runs()  # a mistake is reported here, not in the browser
    with serving(selected.runs, gather, port) as (url, server):
        click.echo(url)
        output.say("Ctrl-C ends it.")
        if open:
            webbrowser.open(url)
        server.run()
