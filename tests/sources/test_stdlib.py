"""The standard library is read file by file, without what is no source of it."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import pytest

from lab.data.splits import split
from lab.errors import UsageError
from lab_sources.stdlib import files

ROOT = Path(sysconfig.get_path("stdlib"))


def test_the_text_is_the_librarys_files_joined(ask) -> None:
    dataset = ask("stdlib", n=0)
    assert (dataset.kind, dataset.task, dataset.stream) == ("text", "lm", True)
    text = "".join(dataset.inputs)
    for module in (ast.__file__, ROOT / "textwrap.py", ROOT / "json" / "decoder.py"):
        assert Path(module).read_text() in text
    assert len(text) > 4_000_000


def test_files_come_by_name_without_tests_packages_and_what_programs_wrote(tmp_path) -> None:
    kept = ["a.py", "b/__init__.py", "b/z.py", "c.py"]
    others = [
        "a.txt", "site-packages/x.py", "test/x.py", "b/tests/x.py", "b/__pycache__/x.py",
        "_sysconfigdata_linux.py", "config-3/x.py", "encodings/cp1252.py",
    ]  # fmt: skip
    for name in [*others, *kept]:
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("pass\n")
    assert [path.relative_to(tmp_path).as_posix() for path in files(tmp_path)] == kept


@pytest.mark.parametrize("n", [600, 5_000, 60_000])
def test_the_first_characters_end_with_a_line(ask, n) -> None:
    whole, cut = "".join(ask("stdlib", n=200_000).inputs), "".join(ask("stdlib", n=n).inputs)
    assert n - 500 < len(cut) <= n
    assert whole.startswith(cut)
    assert cut.endswith("\n")


def test_its_parts_are_those_of_a_text(ask) -> None:
    dataset = ask("stdlib", n=100_000)
    parts = split(dataset, "stdlib")
    length = {p: sum(len(dataset.inputs[r]) for r in rows) for p, rows in parts.items()}
    assert length["train"] == pytest.approx(80_000, rel=0.01)
    assert length["test"] == pytest.approx(10_000, rel=0.02)


def test_a_python_without_its_source_is_told(ask, monkeypatch, tmp_path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        monkeypatch.setattr(sysconfig, "get_path", lambda name, folder=folder: str(folder))
        with pytest.raises(UsageError, match="no source of Python in"):
            ask("stdlib")
