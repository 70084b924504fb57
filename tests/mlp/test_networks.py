"""Layers: their number, what flows back through them, and a person's own."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest
import torch
from helpers import rows

import lab
from lab.plugins import discover
from lab.resolve import resolve
from lab_mlp.config import Config
from lab_mlp.model import build

ABOUT = lab.DatasetInfo(
    "some", "image", "classify", (1, 8, 8), tuple("0123456789"), 10, (0.3,), (0.4,)
)
NETS: dict[str, tuple[dict[str, Any], int]] = {
    "two layers": ({"hidden": (256, 256)}, 64 * 256 + 256 + 256 * 256 + 256 + 256 * 10 + 10),
    "none": ({"hidden": ()}, 64 * 10 + 10),
    "with norm": ({"hidden": (32, 16), "norm": True}, 64 * 32 + 32 + 2 * 32 + 32 * 16 + 16 + 2 * 16
                  + 16 * 10 + 10),
    "with dropout": ({"hidden": (32,), "dropout": 0.5}, 64 * 32 + 32 + 32 * 10 + 10),
}  # fmt: skip


@pytest.mark.parametrize("case", NETS)
def test_a_network_has_as_many_parameters_as_one_counts(case) -> None:
    options, expected = NETS[case]
    net = build(Config(**options), ABOUT)
    assert sum(p.numel() for p in net.parameters()) == expected
    assert net.eval()(torch.zeros(3, 1, 8, 8)).shape == (3, 10)


def test_the_perceptron_has_weights_and_no_gradients() -> None:
    net = build(Config(arch="perceptron"), ABOUT)
    assert sum(b.numel() for b in net.buffers()) == 650
    assert not list(net.parameters())


def first_and_last(train, activation: str) -> tuple[float, float]:
    """Return the gradient norms of the first and last layer of ten, before training."""
    result = train(
        "digits", hidden=(32,) * 9, activation=activation, budget=64, layer_stats=True,
        name=activation, init="xavier" if activation == "sigmoid" else "he",
    )  # fmt: skip
    row = rows(result.dir)[0]
    named = [name for name in row if name.startswith("eval/gradient_")]
    assert len(named) == 10
    return row[named[0]], row[named[-1]]


def test_gradients_vanish_in_deep_sigmoid_nets_and_not_with_relu(train) -> None:
    sigmoid, relu = first_and_last(train, "sigmoid"), first_and_last(train, "relu")
    assert sigmoid[0] / sigmoid[1] < 1e-3
    assert relu[0] / relu[1] > 0.1
    assert sigmoid[0] < 1e-3 * relu[0]


def test_what_is_seen_inside_is_declared_and_drawn(train) -> None:
    result = train(budget=64, hidden=(4,), preset="none", layer_stats=True, media=True)
    (spec,) = [spec for spec in lab_plugins() if spec.name == "mlp"]
    names = {name for row in rows(result.dir) for name in row if name != "clock"}
    assert {name for name in names if "gradient" in name} == {"eval/gradient_1", "eval/gradient_3"}
    assert all(map(spec.declares, names))
    assert list((result.dir / "media").glob("*-layers.png"))


def test_a_run_may_stop_at_what_a_pattern_declares(train) -> None:
    result = train(budget=640, hidden=(4,), layer_stats=True, stop_at="eval/gradient_1<=1000")
    assert result.summary["ended"] == "eval/gradient_1<=1000"
    with pytest.raises(lab.UsageError, match="no metric 'eval/gradients'"):
        train(budget=64, stop_at="eval/gradients<=1")


def lab_plugins():
    from lab.plugins import discover

    return discover().experiments()


# -- a network of one's own

NET = """
    import torch
    from torch import nn

    class Net(nn.Sequential):
        def __init__(self, inputs, outputs):
            super().__init__(nn.Flatten(), nn.Linear(inputs, 24), nn.Tanh(), nn.Linear(24, outputs))

    class Tied(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.one = nn.Linear(inputs, inputs)
            self.two = nn.Linear(inputs, inputs)
            self.two.weight = self.one.weight
            self.out = nn.Linear(inputs, outputs)

        def forward(self, x):
            return self.out(self.two(self.one(x).relu()).relu())

    class Plane(nn.Linear):
        def __init__(self, inputs, outputs):
            super().__init__(inputs, outputs)

    def narrow(inputs):
        return nn.Linear(inputs, 3)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A file of networks in the working folder."""
    import sys

    (tmp_path / "own_nets.py").write_text(textwrap.dedent(NET))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "own_nets.py"
    sys.modules.pop("own_nets", None)


def test_a_network_of_ones_own_trains_resumes_and_predicts(own, train, cli) -> None:
    result = train(model=f"{own}:Net", budget=1_500, lr=1e-2, name="own")
    assert result.summary["test"]["test/accuracy"] > 0.8
    longer = lab.resume(result.dir, budget=2_000)
    assert longer.summary["clock"]["value"] >= 2_000
    completed = cli("predict", "own", "5.1,3.5,1.4,0.2", "--top", 1)
    assert re.search(r"^5.1,3.5,1.4,0.2 +setosa +0.\d+", completed.stdout, re.M), completed.output


def test_the_run_and_its_group_carry_the_name_of_ones_own_network(own, train) -> None:
    result = train(model=f"{own}:Net", budget=64)
    assert result.dir.name.startswith("mlp-Net-iris-s0-")
    assert result.summary["target"] == "Net-iris"
    assert result.summary["group"].startswith("mlp-Net-iris-")


@pytest.mark.parametrize("data", ["iris", "wine", "breast-cancer", "diabetes", "digits", "shapes"])
def test_what_a_source_is_learned_by_is_its_preset(data) -> None:
    assert resolve(discover().experiment("mlp"), {"data": data}).preset == data


@pytest.mark.parametrize("data", ["iris", "digits", "shapes"])
def test_no_preset_lays_layers_over_ones_own_network(data) -> None:
    spec = discover().experiment("mlp")
    assert resolve(spec, {"data": data, "model": "own_nets.py:Net"}).preset is None


def test_a_network_that_is_one_layer_or_has_tied_ones_is_looked_into_and_exported(
    own, train, cli
) -> None:
    for name in ("Plane", "Tied"):
        result = train(model=f"{own}:{name}", budget=64, layer_stats=True, name=name)
        logged = {n for row in rows(result.dir) for n in row if n.startswith("eval/gradient_")}
        layers = {"Plane": {"plane"}, "Tied": {"one", "two", "out"}}[name]
        assert logged == {f"eval/gradient_{layer}" for layer in layers}
        done = cli("export", name)
        assert done.exit_code == 0, done.output


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "no file": ("missing.py:Net", {}, "There is no file"),
    "no such name": ("own_nets.py:Ne", {}, "Did you mean 'Net'?"),
    "other arguments": ("own_nets.py:narrow", {}, "outputs"),
    "layers beside": ("own_nets.py:Net", {"hidden": (3,)}, "without --hidden"),
    "a perceptron beside": ("own_nets.py:Net", {"arch": "perceptron"}, "exclude each other"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_network_is_a_plain_message(own, train, tmp_path, case) -> None:
    reference, options, message = WRONG[case]
    with pytest.raises(lab.UsageError) as caught:
        train(model=reference, **options)
    assert message in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_dropout_leaves_out_the_share_that_was_asked_for() -> None:
    net: Any = build(Config(hidden=(5_000,), dropout=0.2), ABOUT)
    images = torch.ones(1, 1, 8, 8)
    full, thinned = net.eval()[:-1](images), net.train()[:-1](images)
    assert (thinned[full > 0] == 0).float().mean() == pytest.approx(0.2, abs=0.05)
