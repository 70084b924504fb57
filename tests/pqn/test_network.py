"""The network's layers are torch's own, and the loss is half the mean squared error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pqn_tools import make_pqn
from torch.nn import functional

from lab.nn.screens import screen_convolutions


def randomized(module: Any) -> Any:
    """Draw every parameter anew, the scales of the norms too."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    return module


def test_vectors_pass_through_linear_layers_and_layer_norms_of_torch() -> None:
    network = randomized(make_pqn(hidden=(16, 8)).network)
    weights, x = dict(network.named_parameters()), torch.randn(5, 4)
    h = x
    for i, size in enumerate((16, 8)):
        h = functional.linear(h, weights[f"hidden.{i}.weight"], weights[f"hidden.{i}.bias"])
        norm = weights[f"norms.{i}.weight"], weights[f"norms.{i}.bias"]
        h = functional.layer_norm(h, (size,), *norm).relu()
    expected = functional.linear(h, weights["advantage.weight"], weights["advantage.bias"])
    assert torch.equal(network(x.unsqueeze(1)), expected)


@pytest.mark.parametrize("size", [10, 84])
def test_pictures_are_normalized_over_channels_and_pixels(size) -> None:
    layers, features = screen_convolutions(3, size, size, layer_norm=True)
    randomized(layers)
    x = torch.randn(2, 3, size, size)
    h = x
    for convolution, norm in zip(layers[::3], layers[1::3], strict=True):
        h = convolution(h)
        scale, shift = (p[:, None, None].expand(h.shape[1:]) for p in (norm.weight, norm.bias))
        h = functional.layer_norm(h, h.shape[1:], scale, shift).relu()
    assert torch.allclose(layers(x), h, atol=1e-4, rtol=1e-4)
    assert layers(x).flatten(1).shape[1] == features


def test_without_layer_norm_there_is_none() -> None:
    network = make_pqn(env="lab/Catch-v0", hidden=(8,), layer_norm=False).network
    kinds = {type(module).__name__ for module in network.modules()}
    assert not kinds & {"LayerNorm", "GroupNorm"}


def test_the_loss_is_half_the_mean_squared_error_of_live_rows() -> None:
    pqn = make_pqn(hidden=(8,))
    batch = {
        "obs": torch.randn(3, 1, 4),
        "action": torch.tensor([1, 0, 1]),
        "target": torch.tensor([2.0, -1.0, 1e6]),
        "live": torch.tensor([True, True, False]),
    }
    loss, figures = pqn.loss(pqn.network, batch)
    q = pqn.network(batch["obs"]).detach()
    errors = np.array([2.0 - float(q[0, 1]), -1.0 - float(q[1, 0])])
    assert float(loss.detach()) == pytest.approx(0.5 * (errors**2).mean(), rel=1e-5)
    assert float(figures["td_error"]) == pytest.approx(np.abs(errors).mean(), rel=1e-5)
    assert float(figures["q_mean"]) == pytest.approx(float(q[0, 1] + q[1, 0]) / 2, rel=1e-4)


def test_an_epoch_takes_every_transition_once() -> None:
    pqn = make_pqn(n_envs=4, n_steps=8, n_epochs=3, batch_size=12, hidden=(4,))
    batch = pqn.batch(pqn.play_rollout())
    batch["row"] = torch.arange(32)
    seen: list[list[int]] = []

    def update(minibatch: Any) -> Any:
        seen.append(minibatch["row"].tolist())
        return torch.zeros(()), {"td_error": torch.zeros(())}

    pqn.updater = update  # type: ignore[assignment]
    update.lr = 0.0  # type: ignore[attr-defined]
    pqn.learn(batch)
    assert [len(rows) for rows in seen] == [12, 12, 8] * 3
    for epoch in range(3):
        rows = [row for minibatch in seen[3 * epoch : 3 * epoch + 3] for row in minibatch]
        assert sorted(rows) == list(range(32))
    assert seen[0] != seen[3]
