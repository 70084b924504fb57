"""A set of options: a pydantic model that refuses what nothing could be meant by."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import CoreSchema, core_schema

from lab.errors import UsageError
from lab.messages import did_you_mean
from lab.option_text import in_plain_words, parse

LARGEST = 2**31 - 1  # what seeds, sizes and counts can be in all that takes them
LARGEST_CLOCK = 2**63 - 1  # what checkpoints and trackers can hold


class Options(BaseModel):
    """A frozen set of options that refuses unknown names, numbers that are not finite, and whole
    numbers beyond `LARGEST`; those that `CLOCKS` names may go to `LARGEST_CLOCK`.

    Of the runner's options and the trackers', those that `CHANGES` names may be changed when a run
    is resumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    CLOCKS: ClassVar[frozenset[str]] = frozenset()
    CHANGES: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="after")
    @classmethod
    def _is_within_bounds(cls, value: Any, info: ValidationInfo) -> Any:
        largest = LARGEST_CLOCK if info.field_name in cls.CLOCKS else LARGEST
        for number in _numbers(value):
            if isinstance(number, float) and not math.isfinite(number):
                raise ValueError("should be a finite number")
            if isinstance(number, int) and abs(number) > largest:
                raise ValueError(f"should be at most {largest}, and at least {-largest}")
        return value


def _numbers(value: Any) -> Iterator[int | float]:
    """Yield the numbers in an option's value, those in tuples and mappings too."""
    if isinstance(value, (int, float)):
        yield value
    elif isinstance(value, Mapping):
        yield from _numbers(tuple(value.values()))
    elif isinstance(value, (tuple, list, set, frozenset)):
        for item in value:
            yield from _numbers(item)


class OneOf:
    """The names that a field takes, the keys of a registry: `Annotated[str, OneOf(OPTIMIZERS)]`.

    So a name stands in one place: what is registered is an option, in its help and for completion.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.literal_schema(list(self.names))


M = TypeVar("M", bound=Options)


def build(model: type[M], values: Mapping[str, Any]) -> M:
    """Build one set of options. Raises UsageError that lists every mistake."""
    unknown = [name for name in values if name not in model.model_fields]
    mistakes = [f"unknown option {n!r}.{did_you_mean(n, model.model_fields)}" for n in unknown]
    options = built(model, values, mistakes)
    if options is None or mistakes:
        raise UsageError("\n".join(mistakes))
    return options


def built(model: type[M], values: Mapping[str, Any], mistakes: list[str]) -> M | None:
    """Build one set of options of those of the values that are its own; where some are wrong, add
    them to the mistakes and return None."""
    own = {name: parse(model, name, v) for name, v in values.items() if name in model.model_fields}
    try:
        return model(**own)
    except ValidationError as error:
        mistakes += [in_plain_words(item) for item in error.errors()]
        return None
