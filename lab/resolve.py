"""Resolve options from every place a user may set them, and decide what follows from them.

Precedence: flags > `LAB_...` environment > `--config` file > preset > default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lab import memory
from lab.compute.process_env import environment, thread_variables
from lab.config import Config, Objective, RunOptions
from lab.errors import LabError, UsageError
from lab.messages import describe, did_you_mean, flag
from lab.options import Options, built
from lab.plugins import Plugins, discover
from lab.spec import NAME, ExperimentSpec

LEAST_EVALUATIONS = 10  # a curve, over another budget than a preset's grid is meant for
COMMAND_LINE = ("preset", "config", "seeds", "jobs", "json", "quiet", "debug", "help")


@dataclass(frozen=True)
class Resolved:
    """What a run will do, fully decided: options, and what follows from them.

    trackers: the options of each tracker that has some, by its name.
    task: what is learned of the data, empty where there are none.
    objective: the metric that selects, and "max" or "min".
    target: what the run learns from, part of its name.
    goals: criteria by name, where `--stop-at` gives one.
    objects: those of this process that words in the options stand for.
    """

    config: Config
    run: RunOptions
    trackers: Mapping[str, Options]
    preset: str | None
    task: str
    objective: Objective
    target: str
    goals: Mapping[str, str]
    objects: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def tracker_values(self) -> dict[str, dict[str, Any]]:
        """The options of the trackers, as the run folder keeps them."""
        return {name: own.model_dump(mode="json") for name, own in self.trackers.items()}

    @property
    def decided(self) -> dict[str, Any]:
        """What follows from the options, as the run folder keeps it."""
        goals = dict(self.goals)
        return {
            "task": self.task, "objective": list(self.objective), "target": self.target,
            "goals": goals,
        }  # fmt: skip


@dataclass(frozen=True)
class Models:
    """The models of a run's options, besides the runner's own: the experiment's, the trackers'."""

    config: type[Config]
    trackers: Mapping[str, type[Options]]

    @property
    def names(self) -> set[str]:
        """The names of all options, the runner's among them."""
        models: list[type[Options]] = [self.config, RunOptions, *self.trackers.values()]
        return {name for model in models for name in model.model_fields}


def models_of(spec: ExperimentSpec, plugins: Plugins) -> Models:
    """Return the models of the options of a run of `spec`. Raises UsageError where a tracker has an
    option that something else has too."""
    config, trackers = spec.load_config(), tracker_models(plugins)
    owners = dict.fromkeys(COMMAND_LINE, "of the command line")
    owners |= dict.fromkeys(RunOptions.model_fields, "of the runner")
    owners |= dict.fromkeys(config.model_fields, f"of the experiment {spec.name!r}")
    for name, model in trackers.items():
        for option in model.model_fields:
            if option in owners:
                raise UsageError(
                    f"{flag(option)} is an option {owners[option]}, and of the tracker {name!r}.\n"
                    f"{_way_out(plugins, name)}"
                )
            owners[option] = f"of the tracker {name!r}"
    return Models(config, trackers)


def tracker_models(plugins: Plugins) -> dict[str, type[Options]]:
    """Return the options of each tracker that has some, by its name. Raises UsageError where they
    are none, or cannot be imported."""
    models: dict[str, type[Options]] = {}
    for name, spec in plugins.trackers().items():
        if not spec.options:
            continue
        try:
            models[name] = spec.load_options()
            if not issubclass(models[name], Options):
                raise TypeError(f"{spec.options} is no lab.Options")
        except Exception as error:  # of a plugin: it may fail in any way
            raise UsageError(
                f"The options of the tracker {name!r} cannot be had: {describe(error)}.\n"
                f"{_way_out(plugins, name)}"
            ) from error
    return models


def _way_out(plugins: Plugins, tracker: str) -> str:
    plugin = plugins.offering(plugins.trackers()[tracker])
    return f"`lab --no-plugin {plugin.name} ...` leaves that plugin of {plugin.distribution} out."


def resolve(
    spec: ExperimentSpec,
    flags: Mapping[str, Any],
    *,
    preset: str | None = None,
    file: Path | None = None,
    plugins: Plugins | None = None,
) -> Resolved:
    """Merge flags, a config file, a preset and the defaults, validate all of it at once, and decide
    what follows from it. `plugins` are those discovered before; without them, they are discovered
    here.

    Raises UsageError that lists every mistake.
    """
    plugins = plugins or discover()
    models = models_of(spec, plugins)
    from_file = read_file(file, models.trackers) if file else {}
    mistakes = [*_unknown(models, from_file, str(file)), *_unknown(models, flags, "the arguments")]
    explicit = {**from_file, **flags}
    name = _tuned_preset(spec, models, explicit, mistakes) if preset is None else preset
    tuned = preset_values(spec, models, name)
    config, run, trackers = validate(models, {**tuned, **explicit}, mistakes)
    run = _fill_in(config, run, tuned, explicit)
    chosen = None if name == "none" else name
    return decide(config, run, trackers, chosen, plugins)


def decide(
    config: Config,
    run: RunOptions,
    trackers: Mapping[str, Options],
    preset: str | None,
    plugins: Plugins,
    decided: Mapping[str, Any] | None = None,
) -> Resolved:
    """Decide what follows from the config, once; `decided` is what an existing run recorded of
    that."""
    if decided is None:
        task = config.learns(plugins)
        objective, target, goals = _objective(config, task), config.target, {}
    else:
        task, target, goals = decided["task"], decided["target"], decided["goals"]
        objective = tuple(decided["objective"])
    if run.stop_at and NAME.fullmatch(run.stop_at) and not goals:
        with environment(thread_variables(run.threads or config.threads)):  # it may import torch
            goals = dict(config.goals(plugins))
    return Resolved(config, run, trackers, preset, task, objective, target, goals)


def _objective(config: Config, task: str) -> Objective:
    """Return the config's objective for the task, checked."""
    objective: Any = config.objective
    if isinstance(objective, Mapping):
        if task not in objective:
            data = getattr(config, "data_name", config.target)
            if task == "none":
                raise UsageError(f"{data} has nothing to predict: no classes and no values")
            raise UsageError(
                f"{data} is to {task}; this experiment can {', '.join(objective)}. `lab data` says "
                "what each source is for."
            )
        objective = objective[task]
    metric, direction = (
        objective if isinstance(objective, tuple) and len(objective) == 2 else (objective, None)
    )
    if not str(metric).startswith("eval/") or direction not in ("max", "min"):
        raise LabError(
            f"{type(config).__name__}.objective is {objective!r}; it must be a metric of an "
            "evaluation and its direction, ('eval/loss', 'min'): selection looks at evaluations, "
            "never at test figures."
        )
    return metric, direction


def preset_values(spec: ExperimentSpec, models: Models, name: str | None) -> Mapping[str, Any]:
    """Return the values of preset `name`; `none` and None are empty."""
    if name in (None, "none"):
        return {}
    if name not in spec.presets:
        names = ", ".join(spec.presets) or "none"
        raise UsageError(
            f"{spec.name} has no preset {name!r}.{did_you_mean(str(name), spec.presets)} "
            f"It has: {names}"
        )
    unknown = _unknown(models, spec.presets[name], f"the preset {name!r}")
    if unknown:
        raise UsageError("\n".join(unknown))
    return spec.presets[name]


def validate(
    models: Models, values: Mapping[str, Any], mistakes: Sequence[str] = ()
) -> tuple[Config, RunOptions, Mapping[str, Options]]:
    """Split flat values between the experiment, the runner and the trackers and validate all.

    Raises UsageError that lists every mistake, `mistakes` found before among them.
    """
    mistakes = list(mistakes)
    config = built(models.config, values, mistakes)
    run = built(RunOptions, values, mistakes)
    own = {name: built(model, values, mistakes) for name, model in models.trackers.items()}
    trackers = {name: options for name, options in own.items() if options is not None}
    if config is None or run is None or mistakes:
        raise UsageError("\n".join(mistakes))
    return config, run, trackers


def _unknown(models: Models, values: Mapping[str, Any], source: str) -> list[str]:
    """Return a line for each name that is no option, with the nearest one that is."""
    options = models.names
    names = [name for name in values if name not in options]
    return [f"unknown option {n!r} in {source}.{did_you_mean(n, options)}" for n in names]


def read_file(path: Path, trackers: Iterable[str] = ()) -> dict[str, Any]:
    """Read a YAML mapping of options, or the config.yaml of a run folder; of the options of
    trackers that it holds, those of `trackers`."""
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise UsageError(f"{path} must hold a mapping of option names to values")
    if "experiment" in data and isinstance(data.get("config"), dict):
        if not isinstance(data.get("run"), dict):
            raise UsageError(f"{path} is not a run's config.yaml: it has no options under `run`")
        run_specific = ("name", "group", "runs_dir")
        data = {k: v for k, v in recorded(data, trackers).items() if k not in run_specific}
    return {str(name).replace("-", "_"): value for name, value in data.items()}


def recorded(record: Mapping[str, Any], trackers: Iterable[str] = ()) -> dict[str, Any]:
    """Return the options in a run's record, flat; of the trackers' those of `trackers` alone, as
    one that is not installed any more has none."""
    values = {**record["config"], **record["run"]}
    for name in trackers:
        values |= record.get("trackers", {}).get(name, {})
    return values


def as_recorded(
    models: Models,
    values: Mapping[str, Any],
    record: Mapping[str, Any],
    plugins: Plugins,
    objects: memory.Objects,
) -> Resolved:
    """Resolve the options of an existing run; what they decided is read from its record."""
    cfg, options, trackers = validate(models, values)
    preset, decided = record.get("preset"), record.get("decided")
    with memory.holding(objects):
        resolved = decide(cfg, options, trackers, preset, plugins, decided)
    return replace(resolved, objects=objects)


def _tuned_preset(
    spec: ExperimentSpec, models: Models, explicit: Mapping[str, Any], mistakes: Sequence[str]
) -> str | None:
    """Return the preset that the config names, if the spec has it."""
    config, _, _ = validate(models, explicit, mistakes)
    return config.preset if config.preset in spec.presets else None


def _fill_in(
    config: Config, run: RunOptions, tuned: Mapping[str, Any], explicit: Mapping[str, Any]
) -> RunOptions:
    """Decide what the user left open, so that the run folder records no `None` that matters.

    tuned: the values of the preset; explicit: those that the user says.
    """
    budget = run.budget or config.budget
    eval_every = run.eval_every or config.eval_every or max(1, budget // 20)
    meant_for = tuned.get("budget") or config.budget
    if "eval_every" not in explicit and budget != meant_for:
        eval_every = min(eval_every, max(1, budget // LEAST_EVALUATIONS))
    return run.model_copy(
        update={
            "budget": budget,
            "eval_every": eval_every,
            "log_every": run.log_every or max(1, budget // 100),
            "threads": run.threads or config.threads,
        }
    )
