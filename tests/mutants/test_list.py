"""Every planted fault still fits the code, so that the list cannot rot."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from mutants.listing import ROOT, SOURCES, Mutant, known_killers, known_survivors, load

MUTANTS = load()
FAMILIES = (
    "ae", "baseline", "capsnet", "cnn", "dbn", "diffusion", "dqn", "gan", "mlp", "pg", "pqn",
    "rnn",
    "rntn", "sb3", "seq2seq", "transformer",
)  # fmt: skip


@cache
def source(file: Path) -> str:
    return file.read_text()


def problem(mutant: Mutant, root: Path = ROOT) -> str | None:
    """Return why a fault of the list is none; None where it is one."""
    if not (root / mutant.file).is_file():
        return f"{mutant.id}: there is no {mutant.file}"
    if mutant.before.split() == mutant.after.split():
        return f"{mutant.id}: only the layout changes"
    try:
        ast.parse(mutant.applied(source(root / mutant.file)))
    except (ValueError, SyntaxError) as error:
        return f"{mutant.id}: {error}"
    return None


@pytest.mark.parametrize("family", sorted({mutant.family for mutant in MUTANTS}))
def test_every_fault_fits_and_parses(family: str) -> None:
    faults = [mutant for mutant in MUTANTS if mutant.family == family]
    assert list(filter(None, map(problem, faults))) == []


def test_every_fault_is_said_in_one_line_with_where_to_look_for_it() -> None:
    for mutant in MUTANTS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", mutant.id), mutant.id
        assert len(mutant.fault.splitlines()) == 1, mutant.id
        assert mutant.file.startswith(SOURCES), mutant.id
        assert all((ROOT / tests).exists() for tests in mutant.tests), mutant.id


def test_hints_are_of_faults_in_the_list() -> None:
    assert set(known_killers()) <= {mutant.id for mutant in MUTANTS}


def test_no_two_faults_are_the_same() -> None:
    ids = Counter(mutant.id for mutant in MUTANTS)
    texts = Counter(mutant.digest for mutant in MUTANTS)
    assert [value for value, count in (ids + texts).items() if count > 1] == []


def test_there_are_a_hundred_and_every_family_has_some() -> None:
    counts = Counter(mutant.family for mutant in MUTANTS)
    assert counts.total() >= 100
    assert set(FAMILIES) <= set(counts)


def test_only_faults_of_the_list_are_excused_and_each_with_a_reason() -> None:
    excuses = known_survivors()
    assert set(excuses) <= {mutant.id for mutant in MUTANTS}
    assert all(len(reason) > 20 for reason in excuses.values())


@pytest.mark.parametrize(
    ("text", "after", "why"),
    [
        ("", "x = 2", "0 times"),
        ("x = 1\nx = 1\n", "x = 2", "2 times"),
        ("x = 1\n", "x =", "invalid syntax"),
        ("x = 1\n", " x  = 1", "only the layout"),
        ("x = 1\n", "x = 2", None),
    ],
)
def test_a_fault_that_does_not_fit_is_told(
    tmp_path: Path, text: str, after: str, why: str | None
) -> None:
    (tmp_path / "a.py").write_text(text)
    refusal = problem(Mutant("a-b", "a", "", "a.py", "x = 1", after, ("tests",), "mlp"), tmp_path)
    assert refusal is None if why is None else why in str(refusal)
