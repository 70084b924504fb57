"""Read two series from the files of statsmodels: spots of the sun, and carbon dioxide."""

from __future__ import annotations

import csv

import numpy as np

import lab
from lab.data.gaps import filled
from lab_sources.wheel_files import Content, Package

STATSMODELS = Package("statsmodels", "0.15.0", "BSD 3-Clause", extra="samples")
SUNSPOTS = "f67889b1d9002cd5227f0e0ef54e35b419cdd85a31279adef6f73fb41e5c0a9b"
CO2 = "16695fa2786e53414e5a6b54767a3fdf5de99cfbc68617f69d1362d92776a92f"


def sunspots() -> lab.Dataset:
    """Return the mean number of spots of the sun in each year from 1700 to 2008, float [309, 1]
    (SILSO, Royal Observatory of Belgium). Raises NotInstalled without statsmodels."""
    return _series("sunspots", "sunspots", SUNSPOTS, "year")


def co2() -> lab.Dataset:
    """Return carbon dioxide over Mauna Loa by weeks from 1958 to 2001, in parts per million, float
    [2284, 1] (Keeling and Whorf, 2004). Missing weeks are interpolated.

    Raises NotInstalled without statsmodels.
    """
    return _series("co2", "co2", CO2, "week")


def _series(name: str, feature: str, sha256: str, step: str) -> lab.Dataset:
    path = f"statsmodels/datasets/{name}/{name}.csv"
    content = STATSMODELS.read(name, path, sha256)
    values = _column(content)
    lacking = int(np.isnan(values).sum())
    gaps = f"{lacking} of {len(values):,} {step}s are missing and interpolated"
    return lab.Dataset(
        filled(values).astype(np.float32),
        stream=True,
        features=(feature,),
        origin=(content.origin,),
        notes=(*content.notes, *([gaps] if lacking else [])),
    )


def _column(content: Content) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the second column [N, 1] under its name; an empty cell is NaN."""
    _, *rows = csv.reader(content.data.decode().splitlines())
    return np.array([[float(value or "nan")] for _, value in rows])
