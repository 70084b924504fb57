"""Tests with a slow fixture in common stay with one worker, so that it is made once."""

from __future__ import annotations

import re
import sys

import helpers

TESTS = """\
import pytest

@pytest.mark.xdist_group("{name}")
@pytest.mark.parametrize("number", range(8))
def test_it(number) -> None: ...
"""


def test_the_tests_of_a_group_have_one_worker(tmp_path) -> None:
    (tmp_path / "conftest.py").write_text((helpers.ROOT / "tests" / "conftest.py").read_text())
    for name in ("one", "other"):
        (tmp_path / f"test_{name}.py").write_text(TESTS.format(name=name))
    words = ["-m", "pytest", "-n", "2", "--dist", "loadgroup", "-v", "-p", "no:cacheprovider", "."]
    env = helpers.child_environment(helpers.ROOT / "tests")
    done = helpers.run_child([sys.executable, *words], tmp_path, env)
    assert "16 passed" in done.stdout, done.stdout + done.stderr
    for name in ("one", "other"):
        assert len(set(re.findall(rf"\[(gw\d)\].*PASSED test_{name}", done.stdout))) == 1
