"""Turn rows of a table into numbers that a network takes, by what its training rows showed.

What scikit-learn's SimpleImputer, MissingIndicator and OneHotEncoder learn is kept here as plain
data, so that a run predicts from rows as its source has them, without the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
ColumnType = Literal["number", "boolean", "date", "category"]

UNKNOWN = -1.0  # the code of a category that training never saw: none of its features is 1
FILLED_BY = {"drop": "median", "indicator": "median"}  # how numbers are filled by other strategies
NUMBER, MISSING = -1.0, -2.0  # in `codes`, what is no category's


@dataclass(frozen=True)
class TableColumn:
    """A column as the source has it. A category is the number of one of `categories`, a boolean 0
    or 1, a date the days since 1970-01-01; what is missing is NaN. form: how the source writes
    dates, as `lab.data.dates.form_of` says it."""

    name: str
    type: ColumnType = "number"
    categories: tuple[str, ...] = ()
    form: str = ""

    def text(self, value: float) -> float | str:
        """Return what a value of the column stands for: a category, true or false, a day; a number
        as it is."""
        if self.type == "category":
            return self.categories[int(value)]
        if self.type == "boolean":
            return "true" if value else "false"
        if self.type == "date":
            return str(np.datetime64(0, "s") + np.timedelta64(round(value * 86_400), "s"))
        return value


@dataclass(frozen=True)
class TableEncoding:
    """Shapes: B rows, F columns, W features.

    fill [F]: what stands for a missing value. indicators: the columns whose absence is a feature
    of its own. Features come in the order of the columns, a category's one-hot, then indicators.
    """

    columns: tuple[TableColumn, ...]
    fill: tuple[float, ...]
    indicators: tuple[int, ...] = ()

    @classmethod
    def fit(cls, columns: Sequence[TableColumn], rows: Array, missing: str) -> TableEncoding:
        """Learn from training rows [N, F]: `missing` is mean, median, most_frequent or indicator
        (the median, and a feature that tells), for categories and booleans the most frequent."""
        fill = []
        for values, column in zip(rows.T, columns, strict=True):
            named = column.type in ("category", "boolean")
            strategy = "most_frequent" if named else FILLED_BY.get(missing, missing)
            fill.append(_fill(values[~np.isnan(values)], strategy))
        absent = np.isnan(rows).any(axis=0) if missing == "indicator" else np.zeros(len(columns))
        return cls(tuple(columns), tuple(fill), tuple(map(int, np.flatnonzero(absent))))

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> TableEncoding:
        columns = tuple(
            TableColumn(**{**c, "categories": tuple(c["categories"])}) for c in plain["columns"]
        )
        return cls(columns, tuple(plain["fill"]), tuple(plain["indicators"]))

    def as_plain(self) -> dict[str, Any]:
        columns = [{**asdict(c), "categories": list(c.categories)} for c in self.columns]
        return {
            "columns": columns,
            "fill": list(self.fill),
            "indicators": list(self.indicators),
        }

    @cached_property
    def layout(self) -> tuple[tuple[int, float], ...]:
        """Of each feature, its column, and its category's number, NUMBER or MISSING."""
        features: list[tuple[int, float]] = []
        for number, column in enumerate(self.columns):
            if column.type == "category":
                features += [(number, float(code)) for code in range(len(column.categories))]
            else:
                features.append((number, NUMBER))
        return (*features, *((number, MISSING) for number in self.indicators))

    @property
    def width(self) -> int:
        return len(self.layout)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the features: age, city=Paris, age is missing."""
        return tuple(self._name(number, code) for number, code in self.layout)

    def _name(self, number: int, code: float) -> str:
        column = self.columns[number]
        if code == MISSING:
            return f"{column.name} is missing"
        return column.name if code == NUMBER else f"{column.name}={column.categories[int(code)]}"

    def moments(self, rows: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return means and standard deviations of the features of rows [N, F], by which they are
        standardized; 0 and 1 of what is 0 or 1, which stays so. Column by column: the features of
        all rows may not fit in memory."""
        means, stds = [0.0] * self.width, [1.0] * self.width
        for feature, (number, code) in enumerate(self.layout):
            if code == NUMBER and self.columns[number].type != "boolean":
                values = np.nan_to_num(rows[:, number], nan=self.fill[number])
                (means[feature],), (stds[feature],) = mean_std(values[:, None])
        return tuple(means), tuple(stds)

    def encode(self, rows: Tensor) -> Tensor:
        """Return rows [B, F] of a source as features [B, W], float64 as they should be."""
        source, codes, fill = self._constants(rows)
        missing = torch.isnan(rows)
        values = torch.where(missing, fill, rows)[:, source]
        one_hot = (values == codes).to(rows.dtype)
        features = torch.where(codes >= 0, one_hot, values)
        return torch.where(codes == MISSING, missing[:, source].to(rows.dtype), features)

    def decode(self, features: Tensor) -> Tensor:
        """Return features [B, W], of which those of a category need not be 0 and 1, as rows [B, F]:
        the likeliest category, a boolean 0 or 1, and numbers as they are."""
        columns, start = [], 0
        for column in self.columns:
            if column.type == "category":
                end = start + len(column.categories)
                columns.append(features[:, start:end].argmax(1).to(features.dtype))
            else:
                end = start + 1
                values = features[:, start]
                columns.append((values > 0.5).to(values) if column.type == "boolean" else values)
            start = end
        return torch.stack(columns, 1)

    def _constants(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        source = constant(tuple(number for number, _ in self.layout), torch.long, rows.device)
        codes = constant(tuple(code for _, code in self.layout), rows.dtype, rows.device)
        return source, codes, constant(self.fill, rows.dtype, rows.device)


def _fill(present: Array, strategy: str) -> float:
    """Return what stands for a missing value of a column with the values `present` [N]; of values
    that are equally frequent the smallest, 0 where there is none, as with SimpleImputer."""
    if not len(present):
        return 0.0
    if strategy == "most_frequent":
        values, counts = np.unique(present, return_counts=True)
        return float(values[counts.argmax()])
    return float(np.median(present) if strategy == "median" else np.mean(present))


def mean_std(values: Array, scale: float = 1) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return means and standard deviations by column, in units of `scale`; 1 for a constant."""
    mean = values.mean(axis=0, dtype=np.float64) / scale
    std = values.std(axis=0, dtype=np.float64) / scale
    std[std <= 1e-9 * np.abs(mean)] = 1.0  # rounding alone
    return tuple(map(float, mean)), tuple(map(float, std))


@lru_cache(maxsize=64)
def constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return values as a tensor [N] that is not to be written to. It is made once: copying values
    to an accelerator waits until that has done all of its work."""
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device)
