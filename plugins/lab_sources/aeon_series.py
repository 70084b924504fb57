"""Read labeled time series from the files of aeon, split as the archives do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import lab
from lab_sources.arrays import numbered
from lab_sources.ts_file import padded, parsed
from lab_sources.wheel_files import Package

SIDES = ("TRAIN", "TEST")
AEON = Package("aeon", "1.6.0", "BSD 3-Clause", extra="samples")


@dataclass(frozen=True)
class Problem:
    """A problem of the archives. folder: its name there. sha256: of its training and test file.
    classes: what its labels, in order, stand for; without them the labels are the names."""

    folder: str
    sha256: tuple[str, str]
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


PROBLEMS = {
    "japanese-vowels": Problem(
        "JapaneseVowels",
        (
            "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
            "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
        ),
        tuple(f"speaker {number}" for number in range(1, 10)),
        tuple(f"cepstrum {number}" for number in range(1, 13)),
    ),
    "gunpoint": Problem(
        "GunPoint",
        (
            "f842401779fd9800d247d8b33121a1a4643710a19b24917dbdd9a060ca8630d5",
            "79332750788a6227b325b96bd0d70130c8eb707b9731f8d7dec62b7a7d36017e",
        ),
        ("gun", "point"),
    ),
    "arrow-head": Problem(
        "ArrowHead",
        (
            "a83c470aaf611a5f5284377cce27a5fc9f6292bc3d110257b0fd4905ced5ee72",
            "5417dab42626d41df5e435bb22458c2df40dfad4bcd3b59559bbe72e20e84904",
        ),
        ("Avonlea", "Clovis", "Mix"),
    ),
    "osu-leaf": Problem(
        "OSULeaf",
        (
            "86b9d6e860414ffd26cebc62fff84ffb37fa588ef3e5bf79e4094a437c36ddfc",
            "6c549dd354f9e42d5985fa5fab75321ca9acefc7873457e71467fc8a31f107ce",
        ),
        (
            "Acer circinatum",
            "Acer glabrum",
            "Acer macrophyllum",
            "Acer negundo",
            "Quercus garryana",
            "Quercus kelloggii",
        ),
    ),
    "basic-motions": Problem(
        "BasicMotions",
        (
            "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
            "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc",
        ),
        features=tuple(f"{sensor} {axis}" for sensor in ("acceleration", "turn") for axis in "xyz"),
    ),
    "italy-power-demand": Problem(
        "ItalyPowerDemand",
        (
            "341269cb7e6cef96846b30e774580beec79addb93848ba360145219115a74b7c",
            "26122451f87dd0387ef90b18bc8a86c041371b8a1c068004922b939971247144",
        ),
        ("October to March", "April to September"),
    ),
}


def japanese_vowels() -> lab.Dataset:
    """Return utterances of two vowels, float [640, 29, 12] with a mask, by nine speakers (Kudo,
    Toyama and Shimbo, 1999): 7 to 29 steps of 12 cepstral coefficients; 370 are to test on."""
    return _problem("japanese-vowels")


def gunpoint() -> lab.Dataset:
    """Return where a hand is, by x, as it draws a gun or points, float [200, 150, 1]
    (Ratanamahatana and Keogh, 2005); 150 are to test on."""
    return _problem("gunpoint")


def arrow_head() -> lab.Dataset:
    """Return outlines of arrow heads, float [211, 251, 1] (Ye and Keogh, 2009); 175 are to test
    on."""
    return _problem("arrow-head")


def osu_leaf() -> lab.Dataset:
    """Return outlines of the leaves of four maples and two oaks, float [442, 427, 1]; 242 are to
    test on."""
    return _problem("osu-leaf")


def basic_motions() -> lab.Dataset:
    """Return a smart watch's sensors during four motions, float [80, 100, 6]; 40 are to test on."""
    return _problem("basic-motions")


def italy_power_demand() -> lab.Dataset:
    """Return a day's electricity by the hour, float [1096, 24, 1] (Keogh, Wei, Xi, Lonardi, Shieh
    and Sirowy, 2006); 1,029 are to test on."""
    return _problem("italy-power-demand")


def _problem(name: str) -> lab.Dataset:
    """Return a problem's series. Raises NotInstalled without aeon."""
    problem = PROBLEMS[name]
    paths = [f"aeon/datasets/data/{problem.folder}/{problem.folder}_{p}.ts" for p in SIDES]
    contents = [
        AEON.read(name, path, sha256) for path, sha256 in zip(paths, problem.sha256, strict=True)
    ]
    train, test = (
        parsed(content.data.decode("utf-8", "replace"), path)
        for content, path in zip(contents, paths, strict=True)
    )
    inputs, mask = padded(train.values + test.values)
    targets, labels = numbered(np.array(train.labels + test.labels))
    return lab.Dataset(
        inputs,
        targets,
        problem.classes or labels,
        test=np.arange(len(inputs)) >= len(train.values),
        mask=mask,
        features=problem.features,
        origin=tuple(content.origin for content in contents),
        notes=tuple(note for content in contents for note in content.notes),
    )
