"""A person's own network is found in a file or a module, and mistakes are plain messages."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import lab
from lab.nn import check_network, load_network

CODE = """
from torch import nn
from beside_it import WIDTH

class Net(nn.Module):
    def __init__(self, units: int = 3, depth: int = 1) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError("depth must be 1 or more")
        self.layer = nn.Linear(units, WIDTH)

def tower(units: int) -> nn.Module:
    return nn.Sequential(nn.Linear(units, 1))

def number() -> int:
    return 3

ready = nn.Linear(1, 1)
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    before, path = set(sys.modules), list(sys.path)
    (tmp_path / "own_net.py").write_text(CODE)
    (tmp_path / "beside_it.py").write_text("WIDTH = 2\n")
    yield tmp_path / "own_net.py"
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name in ("own_net", "beside_it", "broken_net"):
            del sys.modules[name]


def test_a_class_and_a_function_are_called_with_the_arguments(file) -> None:
    net: Any = load_network(f"{file}:Net", units=5)
    tower: Any = load_network(f"{file}:tower", units=4)
    assert net.layer.weight.shape == (2, 5)
    assert tower[0].in_features == 4
    assert type(load_network(f"{file}:Net")) is type(load_network(f"{file}:Net"))


def test_a_file_is_named_from_where_one_stands(file, monkeypatch) -> None:
    monkeypatch.chdir(file.parent)
    assert isinstance(load_network("own_net.py:Net"), nn.Module)


def test_a_module_is_imported() -> None:
    assert isinstance(load_network("torch.nn:Linear", in_features=2, out_features=3), nn.Linear)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Nett", {}, "has no 'Nett'. Did you mean 'Net'?"),
        ("zzz", {}, "has no 'zzz'. It has: Net, tower, number"),
        ("number", {}, "gives a int, not a torch.nn.Module"),
        ("ready", {}, "is a Linear, not a class or a function"),
        ("Net", {"unit": 3}, "got an unexpected keyword argument 'unit'"),
        ("tower", {}, "missing a required argument: 'units'"),
        ("Net", {"depth": 0}, "cannot be built: ValueError: depth must be 1 or more"),
    ],
)
def test_what_is_no_network_is_said_plainly(file, name, arguments, message) -> None:
    with pytest.raises(lab.UsageError) as caught:
        load_network(f"{file}:{name}", **arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


INFO = lab.DatasetInfo(
    "iris", "table", "classify", (4,), ("a", "b", "c"), 3, (0.0,) * 4, (1.0,) * 4
)


class Answers(nn.Module):
    """What `answer` makes of inputs [B, 4]."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, inputs: torch.Tensor) -> Any:
        assert not self.training
        return self.answer(inputs)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda x: x, "my.py:Net turns inputs [2, 4] into [2, 4], and not into [2, 3]: iris has 3"),
        (lambda x: (x, x), "into tuple, and not into [2, 3]"),
        (lambda x: x @ torch.ones(5, 3), "fails at inputs [2, 4]: RuntimeError: mat1 and mat2"),
    ],
)
def test_a_network_is_tried_before_it_is_trained(answer, message) -> None:
    with pytest.raises(lab.UsageError, match=re.escape(message)):
        check_network(Answers(answer), "my.py:Net", INFO)


def test_to_try_a_network_changes_nothing_of_it() -> None:
    net = Answers(lambda x: x[:, :3] + torch.rand(()))
    state = torch.get_rng_state()
    assert check_network(net, "my.py:Net", INFO).training
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("reference", ["net", "net.py", ":Net", "net:", ""])
def test_a_reference_without_both_parts_is_refused(reference) -> None:
    with pytest.raises(lab.UsageError, match="names no network: write file.py:Name or module:Name"):
        load_network(reference)


def test_files_and_modules_that_are_not_there_or_broken_are_named(file) -> None:
    path = list(sys.path)
    with pytest.raises(lab.UsageError, match="There is no file .*nowhere.py"):
        load_network("nowhere.py:Net")
    with pytest.raises(lab.UsageError, match="module 'no_such_module' cannot be imported"):
        load_network("no_such_module:Net")
    broken = file.with_name("broken_net.py")
    broken.write_text("import does_not_exist\n")
    with pytest.raises(lab.UsageError, match=r"broken_net.py cannot be loaded: ModuleNotFound"):
        load_network(f"{broken}:Net")
    assert sys.path == path
    clash = file.with_name("json.py")
    clash.write_text("")
    with pytest.raises(lab.UsageError, match="cannot be imported as a module 'json': rename"):
        load_network(f"{clash}:Net")
