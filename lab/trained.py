"""Use a trained run in Python, as the command line does: load, evaluate, use, sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import memory
from lab.engine.session import Session
from lab.errors import UsageError
from lab.options import build
from lab.plugins import Plugins, discover
from lab.resolve import Models, as_recorded, recorded
from lab.spec import ExperimentSpec, import_object
from lab.storage import store
from lab.tracking.terminal import Silent, Terminal

if TYPE_CHECKING:
    from lab.engine.context import Context


def load(
    dir: str | Path,
    checkpoint: str | int = "best",
    *,
    device: str | None = None,
    data: Any = None,
    model: Any = None,
    env: Any = None,
    data_changed: bool = False,
    plugins: Plugins | None = None,
) -> Any:
    """Return the trained experiment of a run, ready to predict; its modules are in eval mode.
    `data`, `model` and `env` are the objects that the run was given in Python, as in all that
    follows.

    No data are read. Where it reads them later, they are compared as `evaluate` does.
    """
    given = {"data": data, "model": model, "env": env}
    restored = _restored(dir, str(checkpoint), device, plugins, data_changed, given)
    with restored as (experiment, ctx, _):
        for module in ctx.compute.modules:
            module.eval()
    return experiment


def evaluate(
    dir: str | Path,
    checkpoint: str | int = "best",
    *,
    split: str = "test",
    seed: int | None = None,
    device: str | None = None,
    data: Any = None,
    model: Any = None,
    env: Any = None,
    data_changed: bool = False,
    terminal: Terminal | None = None,
    plugins: Plugins | None = None,
) -> dict[str, float]:
    """Evaluate a run's checkpoint on a split, "eval" or "test".

    Without `seed` the randomness is that of the run's own evaluation, so its metrics repeat.
    Raises UsageError where the data are not those that the run has read, unless `data_changed`
    accepts the present ones.
    """
    given = {"data": data, "model": model, "env": env}
    restored = _restored(dir, str(checkpoint), device, plugins, data_changed, given, terminal)
    with restored as (experiment, ctx, _):
        from lab.engine.evaluation import evaluate
        from lab.engine.recorder import by_lane

        return by_lane(evaluate(experiment, ctx, split, purpose=split, seed=seed))


def use(
    dir: str | Path,
    capability: str,
    checkpoint: str | int = "best",
    *,
    device: str | None = None,
    data: Any = None,
    model: Any = None,
    env: Any = None,
    seed: int | None = None,
    data_changed: bool = False,
    terminal: Terminal | None = None,
    plugins: Plugins | None = None,
    **options: Any,
) -> Any:
    """Return what a command makes of a run ("play"), with the options that the experiment names;
    with the run's own seed, or another. Where it reads data, they are compared as `evaluate`
    does.
    """
    given = {"data": data, "model": model, "env": env}
    restored = _restored(dir, str(checkpoint), device, plugins, data_changed, given, terminal)
    with restored as (experiment, ctx, spec):
        return _call(experiment, ctx, spec, capability, seed, options)


@contextmanager
def using(
    dir: str | Path,
    capability: str,
    checkpoint: str | int = "best",
    *,
    device: str | None = None,
    plugins: Plugins | None = None,
) -> Iterator[Callable[..., Any]]:
    """Yield a function of a capability's options that returns what `use` does, time and again: the
    run is restored once."""
    with _restored(dir, str(checkpoint), device, plugins, False, {}) as (experiment, ctx, spec):
        yield lambda **options: _call(experiment, ctx, spec, capability, None, options)


def _call(
    experiment: Any,
    ctx: Context,
    spec: ExperimentSpec,
    capability: str,
    seed: int | None,
    options: Mapping[str, Any],
) -> Any:
    from lab.engine.evaluation import call_capability

    if capability not in spec.capabilities:
        offered = ", ".join(spec.capabilities) or "nothing beyond training"
        raise UsageError(f"{spec.name} does not offer {capability!r}; it offers: {offered}")
    chosen = build(import_object(spec.capabilities[capability]), options)
    return call_capability(experiment, ctx, capability, chosen, seed)


def sample(
    dir: str | Path,
    checkpoint: str | int = "best",
    *,
    device: str | None = None,
    data: Any = None,
    model: Any = None,
    env: Any = None,
    seed: int | None = None,
    data_changed: bool = False,
    plugins: Plugins | None = None,
    **options: Any,
) -> Any:
    """Return samples of what a run has learned, an array [n, ...]: images in [0, 1], tables and
    sequences in the source's own units, sentences as word indices. Language models return a list of
    texts, each its prompt and what they write on.

    `options` are those of the experiment's own method: `n=16`, `class_="3"`, `prompt="def "`.
    Without `seed` the samples of a run are the same each time. Raises UsageError where it draws
    none.
    """
    given = {"data": data, "model": model, "env": env}
    restored = _restored(dir, str(checkpoint), device, plugins, data_changed, given)
    with restored as (experiment, ctx, spec):
        from lab.engine.evaluation import evaluation_scope

        if not hasattr(experiment, "sample"):
            raise UsageError(f"{spec.name} draws no samples")
        with evaluation_scope(ctx, "sample", seed):
            return experiment.sample(**options)


@contextmanager
def _restored(
    dir: str | Path,
    checkpoint: str,
    device: str | None,
    plugins: Plugins | None,
    data_changed: bool,
    given: Mapping[str, Any],
    terminal: Terminal | None = None,
) -> Iterator[tuple[Any, Context, ExperimentSpec]]:
    """Yield the experiment of a run as a checkpoint holds it, in its own process set-up; on the
    device that it trained on, where this machine has that and no other is requested."""
    stored_run = store.find(str(dir), Path("runs"))
    plugins = plugins or discover()
    spec = plugins.experiment(stored_run.plugin)
    models = Models(spec.load_config(), trackers={})  # it trains no more
    values = {**recorded(stored_run.record), "stop_at": None}
    objects = memory.again(stored_run.config, given)
    resolved = as_recorded(models, values, stored_run.record, plugins, objects)
    session = Session(spec, resolved, stored_run.record, plugins, terminal or Silent())
    with session.computing():
        session.move(device)
        experiment, ctx = session.restore(stored_run, checkpoint, data_changed)
        try:
            yield experiment, ctx, spec
        finally:
            ctx.close()
