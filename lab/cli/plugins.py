"""`lab plugins`: what is installed, what it offers, and what is broken."""

from __future__ import annotations

import sys

import click

from lab.cli import common, output
from lab.cli.group import debugging
from lab.plugins import OFFERS, Plugin, discover


@click.command("plugins", short_help="List plugins and what they offer.")
@common.json_option
@common.debug_option
def command(as_json: bool) -> None:
    """List every plugin with its distribution, status and what it offers."""
    plugins = discover()
    if as_json:
        output.print_json([_entry(plugin) for plugin in plugins.all])
    else:
        output.print_table(
            ["plugin", "distribution", "version", "status", "offers"],
            [[p.name, p.distribution, p.version, p.status, _offers(p)] for p in plugins.all],
        )
    for plugin in plugins.broken:
        output.say(f"{plugin.name}: {plugin.traceback if debugging() else plugin.error}")
    for name, offers in plugins.conflicts.items():
        choices = " or ".join(f"{plugin.distribution}:{name}" for plugin in offers)
        output.say(f"{name!r} is offered more than once. Run it as {choices}")
    sys.exit(1 if plugins.broken else 0)


def _entry(plugin: Plugin) -> dict[str, object]:
    facts = (name for name in vars(plugin) if name not in (*OFFERS, "examine"))
    entry: dict[str, object] = {name: getattr(plugin, name) for name in facts}
    entry["experiments"] = {spec.name: spec.summary for spec in plugin.experiments}
    entry["environments"] = {env.namespace: env.module for env in plugin.environments}
    entry["sources"] = {source.name: source.summary for source in plugin.sources}
    entry["trackers"] = {tracker.name: tracker.tracker for tracker in plugin.trackers}
    entry["commands"] = {command.name: command.summary for command in plugin.commands}
    return entry


def _offers(plugin: Plugin) -> str:
    return ", ".join(
        [spec.name for spec in plugin.experiments]
        + [f"{env.namespace}/... environments" for env in plugin.environments]
        + [f"source {source.name}" for source in plugin.sources]
        + [f"tracker {tracker.name}" for tracker in plugin.trackers]
        + [f"command {command.name}" for command in plugin.commands]
    )
