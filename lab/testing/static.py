"""Check what a plugin declares, before anything is trained."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator, Set
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Literal, get_origin

import click
import yaml

from lab import __all__ as FACADE
from lab.config import Config
from lab.engine.evaluation import method_of
from lab.errors import LabError, UsageError
from lab.messages import flag
from lab.option_text import unwrap
from lab.options import Options
from lab.plugins import DISTRIBUTION, Plugin
from lab.spec import import_object
from lab.testing.defaults import mistakes
from lab.testing.light import heavy
from lab.testing.subject import CheckFailed, Skipped, Subject, Unusable, expect

PUBLIC = (  # modules that plugins may import
    "lab.capabilities",
    "lab.cli.common",
    "lab.cli.output",
    "lab.comparison",
    "lab.data",
    "lab.environments",
    "lab.generative",
    "lab.messages",
    "lab.metrics",
    "lab.nn",
    "lab.optim",
    "lab.outputs",
    "lab.sequence",
    "lab.statistics",
    "lab.supervised",
    "lab.testing",
    "lab.tokenizers",
)
METRIC = re.compile(r"(train|eval|test)/[a-z0-9_]+")
DECLARED = re.compile(METRIC.pattern + r"\*?")
LONGEST_SUMMARY = 100


def check_defaults_are_valid(subject: Subject) -> None:
    """Every option has a default, and its own type and range take it."""
    if subject.bad_defaults:
        raise Unusable("\n".join(subject.bad_defaults))


def check_spec_is_complete(subject: Subject) -> None:
    """The spec names an experiment with the five methods, well-formed metrics and a tiny preset."""
    spec = subject.spec
    expect(
        len(spec.summary) <= LONGEST_SUMMARY,
        f"The summary has {len(spec.summary)} characters; listings show {LONGEST_SUMMARY}.",
    )
    for name in spec.metrics:
        expect(
            DECLARED.fullmatch(name) is not None,
            f"The declared metric {name!r} is not 'train/...', 'eval/...' or 'test/...' in lower "
            "case, digits and underscores, with no more than a * at the end.",
        )
    experiment = subject.experiment_class
    for method in ("step", "evaluate", "state_dict", "load_state_dict"):
        expect(
            callable(getattr(experiment, method, None)),
            f"{spec.experiment} has no method {method!r}, which the runner calls.",
        )
    try:
        subject.resolve()
    except LabError as error:  # an objective that is none, say
        raise CheckFailed(str(error)) from error


def check_name_is_unique(subject: Subject) -> None:
    """No other installed plugin offers an experiment of this name."""
    others = subject.plugins.conflicts.get(subject.spec.name, [])
    offers = ", ".join(plugin.distribution for plugin in others)
    expect(not others, f"{subject.spec.name!r} is offered by several plugins: {offers}. Rename it.")


def check_the_lab_is_required(subject: Subject) -> None:
    """The distribution declares which lab it needs, and this one is it."""
    expect_lab_is_required(subject.plugin)


def expect_lab_is_required(plugin: Plugin | None) -> None:
    if plugin is None or plugin.is_file or plugin.distribution == DISTRIBUTION:
        raise Skipped("it is no part of a distribution of its own")
    requirements = distribution(plugin.distribution).requires or []
    expect(
        any(re.match(rf"{DISTRIBUTION}($|[^A-Za-z0-9._-])", text) for text in requirements),
        f"{plugin.distribution} does not declare that it needs {DISTRIBUTION}. Add it to the "
        "dependencies, with the oldest version that will do.",
    )


def check_imports_are_light(subject: Subject) -> None:
    """Listing and help load nothing heavy: no library that computes, draws or sends."""
    if subject.plugin and subject.plugin.is_file:
        raise Skipped("a file is imported only when it is asked for")
    expect_light({_module(subject.spec.config), *_entry_modules(subject)})


def expect_light(modules: Set[str]) -> None:
    """Import modules in a process of their own, and see what that loads."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        f"import {', '.join(sorted(modules))}\n"
        f"print(*[name for name in {sorted(heavy())!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = (done.stderr.strip().splitlines() or [""])[-1]
    expect(done.returncode == 0, f"{', '.join(sorted(modules))} cannot be imported: {last}")
    loaded = done.stdout.split()
    expect(
        not loaded,
        f"Importing {' and '.join(sorted(modules))} loads {', '.join(loaded)}. Keep the spec and "
        "the config in modules of their own that import neither.",
    )


def check_imports_are_public(subject: Subject) -> None:
    """The plugin's files import public names of the lab alone, and no other plugin."""
    packages = {_module(subject.spec.experiment).split(".")[0]}
    expect_public(packages, _other_plugins(subject))


def expect_public(packages: Set[str], plugins: Set[str]) -> None:
    """Look through the files of packages; `plugins` are the packages of other plugins."""
    others = plugins - packages
    for file, name in _imports(packages):
        top = name.split(".")[0]
        expect(top not in others, f"{file} imports {name}, another plugin. Plugins stand alone.")
        expect(
            top != "lab" or _is_public(name),
            f"{file} imports {name}, which is not public. Public are the names of `lab` itself "
            f"and the modules {', '.join(PUBLIC)}.",
        )


def check_trackers_are_left_to_the_runner(subject: Subject) -> None:
    """The plugin's files import no library that there is a tracker for: what is logged reaches
    every tracker."""
    followed = {name.replace("-", "_") for name in subject.plugins.trackers()}
    for file, name in _imports({_module(subject.spec.experiment).split(".")[0]}):
        library = name.split(".")[0]
        expect(
            library not in followed,
            f"{file} imports {library}. Log through ctx.log and ctx.media: trackers follow the "
            "run.",
        )


def check_options_are_described(subject: Subject) -> None:
    """Every config field has a type, a description and, where it is a number, a range."""
    expect_described(subject.config_class)


def expect_described(model: type[Options]) -> None:
    for name, field in model.model_fields.items():
        kinds = set(unwrap(field.annotation))
        expect(
            bool(field.description),
            f"The option {name!r} has no description, so that --help says nothing of it.",
        )
        expect(Any not in kinds, f"The option {name!r} has the type Any, which checks nothing.")
        limits = [
            rule
            for rule in field.metadata
            for key in ("gt", "ge", "lt", "le")
            if hasattr(rule, key)
        ]
        expect(
            not kinds & {int, float} or bool(limits),
            f"The option {name!r} is a number without a range: give its Field gt, ge, lt or le.",
        )


def check_options_survive_files(subject: Subject) -> None:
    """The config of every preset is the same after JSON and after YAML."""
    for name in ("none", *subject.spec.presets):
        chosen = subject.resolve(name).config
        for kind, values in {
            "JSON": type(chosen).model_validate_json(chosen.model_dump_json()),
            "YAML": type(chosen)(**yaml.safe_load(yaml.safe_dump(chosen.model_dump(mode="json")))),
        }.items():
            expect(
                values == chosen,
                f"The config of preset {name!r} is another one after {kind}: runs could not be "
                "resumed from their config.yaml.",
            )


def check_options_can_be_given_as_words(subject: Subject) -> None:
    """Every field can be set on the command line to what it holds, with the same outcome."""
    chosen = subject.resolve().config
    for name in subject.config_class.model_fields:
        value = getattr(chosen, name)
        words = _words(name, value)
        again = getattr(_resolved(subject, words), name)
        expect(
            again == value,
            f"`{' '.join(words)}` sets {name!r} to {again!r}, not to {value!r}. Types that the "
            "command line reads: numbers, text, booleans, Literal, tuple[X, ...], dict[str, X].",
        )


def check_bad_values_are_plain_errors(subject: Subject) -> None:
    """A value of the wrong kind is a line that names the option, and no traceback."""
    subject.resolve()  # where the right ones are refused, the wrong ones say nothing
    for name, field in subject.config_class.model_fields.items():
        kinds = unwrap(field.annotation)
        if str in kinds or bool in kinds or any(get_origin(k) in (tuple, dict) for k in kinds):
            continue  # any text may be right
        if not any(kind in (int, float) or get_origin(kind) is Literal for kind in kinds):
            continue
        option = flag(name)
        try:
            subject.resolve(**{name: "no-such-value"})
        except UsageError as error:
            lines = [line for line in str(error).splitlines() if option in line]
            expect(len(lines) == 1, f"`{option} no-such-value` says {str(error)!r}: not one line.")
        except Exception as error:
            expect(False, f"`{option} no-such-value` raises {type(error).__name__}: {error}")
        else:
            expect(False, f"`{option} no-such-value` is accepted.")


def check_presets_are_valid(subject: Subject) -> None:
    """Every preset names options that exist, with values that they take."""
    for name in subject.spec.presets:
        try:
            subject.resolve(name)
        except UsageError as error:
            expect(False, f"The preset {name!r} is not valid: {error}")


def check_capabilities_are_there(subject: Subject) -> None:
    """Each capability has a command, a model of options that needs no argument, and a method that
    is named as the command: `play_command`."""
    if not subject.spec.capabilities:
        raise Skipped("the spec declares no capability")
    experiment, commands = subject.experiment_class, _commands(subject)
    for name, path in subject.spec.capabilities.items():
        expect(
            name in commands,
            f"The spec declares {name!r}, but there is no `lab {name}` to ask for it. Capabilities "
            f"with a command: {', '.join(sorted(commands))}.",
        )
        try:
            model = import_object(path)
        except (ImportError, AttributeError) as error:
            expect(False, f"The options of {name!r}, {path}, cannot be imported: {error}")
        expect(issubclass(model, Options), f"{path} is no lab.Options.")
        bad = mistakes(model)
        expect(not bad, f"`lab {name}` cannot be asked for without options: {'; '.join(bad)}.")
        method = method_of(name)
        expect(
            callable(getattr(experiment, method, None)),
            f"The spec declares {name!r}, but {subject.spec.experiment} has no method {method}.",
        )


def _commands(subject: Subject) -> set[str]:
    """Return the names of the commands that call a capability: the lab's own, and plugins'."""
    from lab.cli import COMMANDS
    from lab.cli.capability import CapabilityCommand

    own = {name: import_object(path) for name, (path, _) in COMMANDS.items()}
    named = {name for name, command in own.items() if isinstance(command, CapabilityCommand)}
    return named | set(subject.plugins.commands())


def _module(path: str) -> str:
    return path.partition(":")[0]


def _entry_modules(subject: Subject) -> set[str]:
    return {subject.plugin.module} if subject.plugin and subject.plugin.module else set()


def _imports(packages: Set[str]) -> Iterator[tuple[str, str]]:
    """Yield each file of the packages with each name it imports, in full."""
    for file in sorted(path for package in packages for path in _files(package)):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((file.name, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield from ((file.name, f"{node.module}.{a.name}") for a in node.names)


def _files(package: str) -> Iterator[Path]:
    spec = importlib.util.find_spec(package)
    if spec is None:
        return
    if spec.submodule_search_locations:
        for folder in spec.submodule_search_locations:
            yield from Path(folder).rglob("*.py")
    elif spec.origin:
        yield Path(spec.origin)


def _is_public(name: str) -> bool:
    """Tell whether `lab`, `lab.<name of the facade>` or something in a public module is named."""
    if name == "lab" or name.removeprefix("lab.").split(".")[0] in FACADE:
        return True
    return any(name == module or name.startswith(f"{module}.") for module in PUBLIC)


def _other_plugins(subject: Subject) -> set[str]:
    """The top-level packages of the other plugins."""
    return {
        plugin.module.split(".")[0]
        for plugin in subject.plugins.all
        if plugin.module and plugin is not subject.plugin
    }


def _words(name: str, value: Any) -> list[str]:
    """Write a value as a user types it."""
    option = flag(name)
    if isinstance(value, bool):
        return [flag(name, off=not value)]
    if value is None:
        return [option, "none"]
    if isinstance(value, dict):
        return [option, ",".join(f"{key}={item}" for key, item in value.items())]
    if isinstance(value, tuple | list):
        return [option, ",".join(map(str, value))]
    return [option, str(value)]


def _resolved(subject: Subject, words: list[str]) -> Config:
    """Return the config that `lab run NAME` comes to with these words."""
    from lab.cli.run import build_command

    command = build_command(subject.spec, subject.plugins)
    fields = subject.config_class.model_fields
    try:
        with command.make_context(subject.spec.name, list(words)) as context:
            options = {k: v for k, v in context.params.items() if k in fields and v is not None}
        return subject.resolve(**options).config
    except (click.UsageError, UsageError) as error:
        raise CheckFailed(f"`{' '.join(words)}` is refused: {error}") from error
