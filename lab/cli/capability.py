"""Give a command on a run the options that the run's own experiment declares for it."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from lab.cli import options, output
from lab.errors import InputWarning, UsageError
from lab.storage.store import Run


def call(run: Run, capability: str, checkpoint: str, **options: Any) -> Any:
    """Call the capability of a run, with the plugins that declared its options. What it has to say
    of inputs is printed on stderr."""
    from lab import trained

    plugins = click.get_current_context().obj
    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        show = warnings.showwarning

        def tell(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if issubclass(category, InputWarning):
                output.say(f"Warning: {message}")
            else:
                show(message, category, *where)

        warnings.showwarning = tell  # type: ignore[assignment]
        return trained.use(run.dir, capability, checkpoint, plugins=plugins, **options)


class CapabilityCommand(click.Command):
    """A command named as a capability, on a run whose experiment declares its further options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        run = self._find_run(args)
        if run is not None:
            self._add_options(ctx, run)
        return super().parse_args(ctx, args)

    def _add_options(self, ctx: click.Context, run: Run) -> None:
        from lab.plugins import discover
        from lab.spec import import_object

        ctx.obj = discover()  # for the call that follows too
        path = ctx.obj.experiment(run.plugin).capabilities.get(str(self.name))
        if path is None:
            return  # reported when the command runs
        names = {param.name for param in self.params}
        self.params += options.from_model(import_object(path), skip=names, environment=False)

    def _find_run(self, args: list[str]) -> Run | None:
        """Find RUN among the words before the options are parsed: they depend on it."""
        from lab.storage import store

        for word in args:
            if not word.startswith("-"):
                with suppress(UsageError):
                    return store.find(word, self._runs_dir(args))
        return None

    def _runs_dir(self, args: list[str]) -> Path:
        parser = click.Command("", params=[p for p in self.params if p.name == "runs_dir"])
        settings: dict[str, Any] = {"ignore_unknown_options": True, "allow_extra_args": True}
        with parser.make_context("", list(args), help_option_names=[], **settings) as ctx:
            return Path(ctx.params["runs_dir"])
