"""Read the planted faults: which text of which file becomes which other text, and what that is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KILLERS = HERE / "killers.yaml"
SOURCES = ("lab", "plugins", "envs")  # what faults are planted in


@dataclass(frozen=True)
class Mutant:
    """A fault. `before` stands in `file` exactly once; with `after` in its place the file still
    parses. tests: the folders or files of tests that should notice. check: the experiment whose
    contract should, where they do not."""

    id: str
    family: str
    fault: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]
    check: str

    def applied(self, text: str) -> str:
        """Return the text of the file with the fault in it.

        Raises ValueError where the fault no longer fits.
        """
        count = text.count(self.before)
        if count != 1:
            raise ValueError(f"{self.id}: its text stands {count} times in {self.file}, not once")
        return text.replace(self.before, self.after)

    @property
    def digest(self) -> str:
        """Return what changes with the fault, so that an old result is not taken for a new one."""
        words = "\0".join((self.file, self.before, self.after))
        return hashlib.sha256(words.encode()).hexdigest()[:16]


def load(folder: Path = HERE / "faults") -> list[Mutant]:
    """Return all faults, family by family."""
    return [mutant for path in sorted(folder.glob("*.yaml")) for mutant in _family(path)]


def _family(path: Path) -> list[Mutant]:
    listed: dict[str, Any] = yaml.safe_load(path.read_text())
    tests, check = tuple(listed["tests"]), listed["check"]
    return [
        Mutant(
            id=entry["id"],
            family=path.stem,
            fault=entry["fault"],
            file=entry["file"],
            before=entry["before"],
            after=entry["after"],
            tests=tuple(entry.get("tests", tests)),
            check=entry.get("check", check),
        )
        for entry in listed["mutants"]
    ]


def known_survivors(path: Path = HERE / "survivors.yaml") -> dict[str, str]:
    """Return by id why a fault that nothing notices is none: it is equivalent to the original."""
    return dict(yaml.safe_load(path.read_text()) or {})


def known_killers() -> dict[str, str]:
    """Return by id the test that noticed a fault last time: a hint where to look first."""
    return dict(yaml.safe_load(KILLERS.read_text()) or {}) if KILLERS.exists() else {}


def write_killers(killers: dict[str, str]) -> None:
    head = "# Which test noticed which fault: run first, as it is likely to notice again.\n"
    KILLERS.write_text(head + yaml.safe_dump(killers, width=1_000))
