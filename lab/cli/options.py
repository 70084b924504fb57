"""Turn the fields of pydantic models into click options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import click
from click.shell_completion import CompletionItem
from pydantic.fields import FieldInfo

from lab.messages import did_you_mean, flag
from lab.option_text import REPEATED, unwrap, whole_number
from lab.options import OneOf, Options

RUNNER = "Runner options"
SYMBOLS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


class Text(click.ParamType):  # type: ignore[type-arg]  # generic in the stubs alone
    """Take the text as it is: pydantic validates all options together, so that all mistakes show
    at once. Knows its choices for completion."""

    name = "text"

    def __init__(self, metavar: str, choices: Iterable[str] = ()) -> None:
        self.name = metavar
        self.choices = tuple(choices)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(c) for c in self.choices if c.startswith(incomplete)]


class Count(click.IntRange):
    """A whole number in a range, which may be written 10k or 1e5."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        read: Any = whole_number(value) if isinstance(value, str) else value
        return super().convert(read, param, ctx)


class ExperimentCommand(click.Command):
    """A command whose help is grouped, and whose unknown options are all named at once."""

    own: Mapping[str, Sequence[click.Option]]  # by whose they are; the others are the runner's
    notes: str

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        first, *trackers = self.own.items()
        named = [param for params in self.own.values() for param in params]
        others = [param for param in self.get_params(ctx) if param not in named]
        for whose, part in (first, (RUNNER, others), *trackers):
            rows = [record for param in part if (record := param.get_help_record(ctx))]
            if rows:
                with formatter.section(whose if whose == RUNNER else f"Options of {whose}"):
                    formatter.write_dl(rows)
        if self.notes:
            formatter.write_paragraph()
            formatter.write(self.notes)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        arguments = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise click.UsageError(self._unknown(ctx, arguments), ctx) from error

    def _unknown(self, ctx: click.Context, args: list[str]) -> str:
        names = {o for p in self.get_params(ctx) for o in (*p.opts, *p.secondary_opts)}
        words = [arg.partition("=")[0] for arg in args]
        unknown = [w for w in words if re.match("--?[A-Za-z]", w) and w not in names]
        return "\n".join(f"There is no option {w}.{did_you_mean(w, names)}" for w in unknown)


def from_model(
    model: type[Options], skip: Iterable[str] = (), environment: bool = True
) -> list[click.Option]:
    """Return an option for each field of `model`, which `LAB_...` variables set too if
    `environment`."""
    fields = [item for item in model.model_fields.items() if item[0] not in set(skip)]
    return [_option(name, field, environment) for name, field in fields]


def _option(name: str, field: FieldInfo, environment: bool) -> click.Option:
    """Build one option. Its value is None where the user does not set it."""
    on = [f"-{name}", flag(name)] if len(name) == 1 else [flag(name)]
    common: dict[str, Any] = {
        "default": None,
        "help": _help(field),
        "envvar": f"LAB_{name.upper()}" if environment else None,
    }
    if bool in unwrap(field.annotation):
        return click.Option([f"{flag(name)}/{flag(name, off=True)}", name], **common)
    if any(rule is REPEATED for rule in field.metadata):
        common |= {"multiple": True, "callback": lambda ctx, param, given: given or None}
        return click.Option([*on, name], type=Text("TEXT"), metavar="TEXT", **common)
    choices = _choices(field)
    metavar = "|".join(choices) if choices else _metavar(field)
    return click.Option([*on, name], type=Text(metavar, choices), metavar=metavar, **common)


def _choices(field: FieldInfo) -> list[str]:
    members = unwrap(field.annotation)  # of `Annotated[str, OneOf(...)] | None` the first says it
    rules = [*field.metadata, *(rule for k in members for rule in getattr(k, "__metadata__", ()))]
    registered = [name for rule in rules if isinstance(rule, OneOf) for name in rule.names]
    kinds = [k for k in members if get_origin(k) is Literal]
    return registered + [str(choice) for kind in kinds for choice in get_args(kind)]


def _metavar(field: FieldInfo) -> str:
    kind = next(k for k in unwrap(field.annotation) if k is not type(None))
    if get_origin(kind) is dict:
        return "KEY=VALUE,..."
    if get_origin(kind) is tuple:
        return f"{get_args(kind)[0].__name__},...".upper()
    return getattr(kind, "__name__", "value").upper()


def _help(field: FieldInfo) -> str:
    """Return the description with range and default."""
    limits = [
        f"{SYMBOLS[key]} {getattr(rule, key)}"
        for rule in field.metadata
        for key in SYMBOLS
        if getattr(rule, key, None) is not None
    ]
    facts = [" and ".join(limits)] if limits else []
    if field.is_required():
        facts.append("required")
    elif field.default not in (None, (), {}):
        facts.append(f"default: {_show(field.default)}")
    return (field.description or "") + (f"  [{'; '.join(facts)}]" if facts else "")


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(value)
