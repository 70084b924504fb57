"""Statistics of layers are those of the definitions, and looking leaves no trace."""

from __future__ import annotations

import copy
import math
import re

import pytest
import torch
from helpers import difference
from matplotlib.figure import Figure
from torch import nn

from lab.nn import (
    LayerStatistics,
    activation,
    draw_layers,
    freeze,
    layer_statistics,
    metric_names,
)
from lab.storage import media


def loss(model, batch):
    return (model(batch["x"]) - batch["y"]).square().mean(), None


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 1)
    )


def data() -> dict[str, torch.Tensor]:
    return {"x": torch.randn(16, 4), "y": torch.randn(16, 1)}


def named(rows: list[LayerStatistics]) -> dict[str, LayerStatistics]:
    return {row.name: row for row in rows}


def test_figures_are_those_of_the_definitions() -> None:
    module, batch = net().eval(), data()
    rows = named(layer_statistics(module, loss, batch))
    assert list(rows) == ["0", "1", "2", "3", "4"]
    assert [row.type for row in rows.values()] == [
        "Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear",
    ]  # fmt: skip
    loss(module, batch)[0].backward()
    for name in ("0", "1", "4"):
        grads = [p.grad for p in module[int(name)].parameters() if p.grad is not None]
        expected = math.sqrt(sum(g.square().sum().item() for g in grads))
        assert rows[name].gradient_norm == pytest.approx(expected, rel=1e-4)
        own = [p.detach() for p in module[int(name)].parameters()]
        size = math.sqrt(sum(p.square().sum().item() for p in own))
        assert rows[name].weight_norm == pytest.approx(size, rel=1e-4)
    assert rows["2"].gradient_norm is rows["2"].weight_norm is None
    hidden = module[:3](batch["x"]).detach().numpy()
    assert rows["2"].activation_mean == pytest.approx(hidden.mean(), rel=1e-4)
    assert rows["2"].activation_std == pytest.approx(hidden.std(), rel=1e-4)
    assert rows["2"].dead == pytest.approx((hidden == 0).all(0).mean())


@pytest.mark.parametrize(
    ("shape", "dead", "axis"), [((5, 4), 1, 1), ((5, 4, 3, 3), 1, 1), ((5, 3, 4), 1, 2)]
)
def test_a_unit_is_dead_where_it_is_silent_on_the_whole_batch(shape, dead, axis) -> None:
    x = torch.rand(shape) + 0.1
    x[0] = -1.0  # silent on one input is not dead
    x.movedim(axis, 0)[:dead] = -1.0
    weight = nn.Linear(1, 1)
    module = nn.ModuleDict({"relu": nn.ReLU(), "weight": weight})

    def silent(model, batch):
        return model["relu"](batch["x"]).sum() * weight.weight.sum(), None

    assert named(layer_statistics(module, silent, {"x": x}))["relu"].dead == dead / 4


def test_sigmoids_let_gradients_vanish_and_relus_do_not() -> None:
    def ratio(name: str) -> float:
        torch.manual_seed(0)
        parts = [part for _ in range(8) for part in (nn.Linear(16, 16), activation(name))]
        batch = {"x": torch.randn(32, 16), "y": torch.ones(1)}
        rows = layer_statistics(nn.Sequential(*parts), loss, batch)
        norms = [row.gradient_norm for row in rows if row.gradient_norm is not None]
        return norms[0] / norms[-1]

    assert ratio("sigmoid") < 1e-4
    assert ratio("relu") > 1e-3


@pytest.mark.parametrize("fails", [False, True])
def test_looking_leaves_no_trace(fails) -> None:
    module, batch = net().train(), data()
    loss(module, batch)[0].backward()
    state = copy.deepcopy(dict(module.state_dict()))
    grads = [p.grad for p in module.parameters() if p.grad is not None]
    kept, rng = [g.clone() for g in grads], torch.get_rng_state()

    def failing(model, batch):
        model(batch["x"])
        raise ZeroDivisionError

    if fails:
        with pytest.raises(ZeroDivisionError):
            layer_statistics(module, failing, batch)
    else:
        with torch.no_grad():  # as an evaluation is
            layer_statistics(module, loss, batch)
    assert difference(dict(module.state_dict()), state) is None
    assert all(p.grad is g for p, g in zip(module.parameters(), grads, strict=True))
    assert difference([*grads], kept) is None
    assert torch.equal(torch.get_rng_state(), rng)
    assert not any(part._forward_hooks for part in module.modules())
    assert all(part.training for part in module.modules())


def test_frozen_and_unused_layers_have_no_gradient_or_none_that_moves() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1))
    module.spare = nn.Linear(2, 2)
    module.forward = lambda x: module[1](module[0](x))  # type: ignore[method-assign]
    freeze(module, "0")
    rows = named(layer_statistics(module, loss, data()))
    assert rows["0"].gradient_norm is None
    assert rows["1"].gradient_norm is not None
    assert rows["1"].gradient_norm > 0
    assert rows["spare"].gradient_norm == 0
    assert rows["spare"].activation_mean is None


def test_of_a_layer_with_several_outputs_the_first_counts() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 3, batch_first=True)

        def forward(self, x):
            return self.lstm(x)[0][:, -1, :1]

    x = torch.randn(16, 5, 4)
    module = Net()
    rows = named(layer_statistics(module, loss, {"x": x, "y": torch.zeros(16, 1)}))
    expected = module.lstm(x)[0].mean().item()
    assert rows["lstm"].activation_mean == pytest.approx(expected, abs=1e-5)


def test_names_are_those_a_run_can_log() -> None:
    metrics = metric_names({"Body.0.conv-1": 1.0, "": 2.0}, "gradient")
    assert metrics == {"gradient_body_0_conv_1": 1.0, "gradient": 2.0}
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in metrics)


def test_the_picture_is_drawn(tmp_path) -> None:
    module = net()
    for batch in (data(), {"x": torch.zeros(16, 4), "y": torch.zeros(16, 1)}):
        figure = draw_layers(layer_statistics(module, loss, batch))
        assert isinstance(figure, Figure)
        assert media.write(tmp_path / "layers", figure).stat().st_size > 1_000
    everything_frozen = net().requires_grad_(False)

    def constant(model, batch):
        return loss(model, batch)[0] * torch.ones((), requires_grad=True), None

    draw_layers(layer_statistics(everything_frozen, constant, data()))
