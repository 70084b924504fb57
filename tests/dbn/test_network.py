"""Stacks go up and down as their layers say, unroll into the same passes, and obey labels."""

from __future__ import annotations

from typing import Any

import helpers
import numpy as np
import pytest
import torch
from helpers import keeping

import lab
from lab_dbn.config import Config
from lab_dbn.features import Features, visible
from lab_dbn.likelihood import exact_log_partition
from lab_dbn.model import DBN
from lab_dbn.phases import Phases
from lab_dbn.up_down import UpDown


def info(classes: int = 3, shape: tuple[int, ...] = (1, 3, 2)) -> lab.DatasetInfo:
    names = tuple(map(str, range(classes)))
    return lab.DatasetInfo("toy", "image", "classify", shape, names, classes, (0.5,), (0.5,))


def make_net(scale: float = 1.0, seed: int = 0, gaussian: bool = False, **options) -> DBN:
    net = DBN(Config(**{"layers": (5, 4), **options}), info(), gaussian)
    fixed = torch.Generator().manual_seed(seed)
    for rbm in net.machines:
        for parameter in rbm.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=fixed))
    return net


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def passes(net: DBN, states: np.ndarray) -> np.ndarray:
    """Return mean-field passes up and down, by numpy."""
    activity = states
    for rbm in net.machines:
        activity = sigmoid(activity @ rbm.weight[: rbm.units].numpy() + rbm.hidden_bias.numpy())
    for rbm in reversed(net.machines):
        below = rbm.visible_bias[: rbm.units].numpy()
        activity = sigmoid(activity @ rbm.weight[: rbm.units].numpy().T + below)
    return activity


@pytest.mark.parametrize("label_units", [False, True])
def test_up_and_down_are_mean_field_passes(label_units) -> None:
    net = make_net(label_units=label_units)
    states = torch.rand(7, 6)
    hidden = net.up(states, 2)
    assert hidden.shape == (7, 4)
    reconstruction = net.down(hidden, 2)
    assert reconstruction.shape == (7, 6)
    assert reconstruction.numpy() == pytest.approx(passes(net, states.numpy()), abs=1e-5)


@pytest.mark.parametrize("label_units", [False, True])
def test_an_unrolled_autoencoder_begins_at_the_mean_field_passes(label_units) -> None:
    net = make_net(label_units=label_units, finetune="autoencode")
    net.unroll()
    states = torch.rand(7, 6)
    reconstruction = net.unrolled(states).sigmoid().detach().numpy()
    assert reconstruction == pytest.approx(passes(net, states.numpy()), abs=1e-5)


def test_fine_tuning_leaves_the_generative_weights_alone() -> None:
    net = make_net(finetune="autoencode")
    net.unroll()
    before = [p.clone() for rbm in net.machines for p in rbm.parameters()]
    net.unrolled(torch.rand(4, 6)).sum().backward()
    assert all(p.grad is None for rbm in net.machines for p in rbm.parameters())
    with torch.no_grad():
        for parameter in net.unrolled.parameters():
            parameter.add_(1.0)
    after = [p for rbm in net.machines for p in rbm.parameters()]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_untied_upward_weights_begin_as_the_generative_ones() -> None:
    net = make_net(finetune="up-down")
    before = net.up(torch.ones(2, 6), 1)
    net.unroll()
    net.phase.fill_(2)
    assert net.untied
    assert torch.allclose(net.up(torch.ones(2, 6), 1), before)


def test_clamped_labels_stay_what_they_were_set_to(generator) -> None:
    """With a label that switches a hidden unit, that unit's picture follows the clamped class."""
    net = make_net(scale=0.0, layers=(3,), label_units=True)
    top = net.top
    top.weight[6:, :] = 30 * torch.eye(3) - 15  # class k turns on hidden unit k alone
    top.weight[:3, :] = 30 * torch.eye(3)
    top.visible_bias[:3] = -15
    for k in range(3):
        labels = torch.eye(3)[k].expand(50, 3)
        chains = torch.randint(2, (50, 3), generator=generator).float()
        samples = net.generate(chains, 5, generator, labels)
        assert samples[:, :3].mean(0).argmax() == k
        assert samples[:, k].min() > 0.9


def test_samples_follow_the_models_own_distribution(generator, make_rbm, brute) -> None:
    net = make_net(scale=0.7, layers=(4,))
    truth = brute(net.top)
    frequencies = net.generate(torch.zeros(20_000, 4), 25, generator, None).mean(0)
    assert frequencies.numpy() == pytest.approx(truth.marginal() @ truth.visible, abs=0.02)


def all_bits(units: int) -> torch.Tensor:
    return torch.tensor([[n >> i & 1 for i in range(units)] for n in range(2**units)]).float()


def test_the_bound_of_two_layers_is_below_the_true_likelihood(generator) -> None:
    """log p(v) = log sum_h p(v | h) p(h), by enumerating the layer in the middle."""
    net = make_net(scale=0.8)
    low, top = net.machines
    middle = all_bits(5)
    log_p_h = -top.free_energy(middle) - exact_log_partition(top).float()
    assert float(log_p_h.exp().sum()) == pytest.approx(1, abs=1e-4)
    states = all_bits(6)
    chances = low.visible_mean(middle).clamp(1e-7, 1 - 1e-7)  # [32, 6]
    log_p_v_h = states @ chances.log().T + (1 - states) @ (1 - chances).log().T  # [64, 32]
    true = (log_p_v_h + log_p_h).logsumexp(1)
    assert float(true.exp().sum()) == pytest.approx(1, abs=1e-3)
    # the bound's exact value: the mean over q(h | v)
    q = low.hidden_mean(states).clamp(1e-7, 1 - 1e-7)
    log_q = middle @ q.log().T + (1 - middle) @ (1 - q).log().T  # [32, 64]
    bound = (log_q.T.exp() * (log_p_v_h + log_p_h - log_q.T)).sum(1)
    many = states.repeat(400, 1)
    estimate = (
        net.log_likelihood(many, exact_log_partition(top), generator).view(400, 64).mean(0).float()
    )
    assert float((estimate - bound).abs().mean()) < 0.1
    assert float(estimate.mean()) < float(true.mean())


def test_up_down_learns_to_predict_below_and_above(generator) -> None:
    net = make_net(scale=0.05, layers=(8, 8), finetune="up-down")
    prototypes = torch.tensor([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]]).float()
    data = prototypes.repeat(32, 1)
    net.unroll()
    net.phase.fill_(2)
    config = Config(layers=(8, 8), finetune="up-down", weight_decay=0.0)
    learner = UpDown(net, config, 64, generator)
    errors = [float(learner.update(data, None, 0.1, 0.5)) for _ in range(600)]
    assert np.mean(errors[-20:]) < 0.3 * np.mean(errors[:20])
    again = net.down(net.up(data, 1), 1)
    assert float((again - data).square().sum(1).mean()) < 0.5


def test_recognition_learns_from_dreams_by_the_delta_rule(generator) -> None:
    """Hinton et al. (2006), appendix B, sleep phase: each layer is to find the states above again
    from which those below were dreamt."""
    net = make_net(scale=0.5, layers=(5, 4), finetune="up-down")
    net.unroll()
    net.phase.fill_(2)
    above: Any
    (above,) = net.recognition
    weight, bias = above.weight.clone(), above.bias.clone()
    learner = UpDown(net, Config(layers=(5, 4), finetune="up-down"), 8, generator)
    dreams: list[tuple[torch.Tensor, torch.Tensor]] = []
    learner.sleep = keeping(learner.sleep, dreams)  # type: ignore[method-assign]
    learner.update(torch.rand(8, 6).round(), None, 0.1, 0.0)
    ((low, high),) = dreams
    missed = high - (low @ weight + bias).sigmoid()
    assert torch.allclose(above.weight - weight, 0.1 * low.T @ missed / 8, atol=1e-6)
    assert torch.allclose(above.bias - bias, 0.1 * missed.mean(0), atol=1e-6)


def test_phases_part_the_budget_and_never_go_back() -> None:
    phases = Phases(
        Config(layers=(4, 4), finetune="classify", phase_fractions=(1, 2, 3)), budget=600
    )
    assert phases.ends == [100, 300, 600]
    assert [phases.is_over(0, c) for c in (99, 100)] == [False, True]
    assert not phases.is_over(2, 10_000)
    assert phases.done(1, 200) == pytest.approx(0.5)
    later = Phases(
        Config(layers=(4, 4), finetune="classify", phase_fractions=(1, 2, 3)), budget=6_000
    )
    assert later.done(2, 600) == 0.0  # a phase that was entered under a smaller budget


def test_intensities_and_standardized_values_are_visible_states() -> None:
    pictures = torch.randint(256, (4, 1, 3, 2), dtype=torch.uint8)
    states = visible(pictures, info(), gaussian=False)
    assert torch.allclose(states, pictures.flatten(1) / 255)
    standard = visible(pictures, info(), gaussian=True)
    assert torch.allclose(standard, (pictures.flatten(1) / 255 - 0.5) / 0.5, atol=1e-6)


def test_kept_features_are_those_of_each_batch(train) -> None:
    experiment = lab.load(train().dir, checkpoint="last")
    rows = torch.tensor([5, 600, 3])
    batch = experiment.data.train.take(rows)
    features: Features = experiment.features
    for level in (0, 1):
        kept = features.train(batch, level)
        assert torch.allclose(kept, features.of(batch, level), atol=1e-6)


def test_a_greedy_layer_makes_the_bound_better(train) -> None:
    """The second layer learns what the first one's features are like (Hinton et al., 2006,
    section 4): the bound rises from where an untrained second layer leaves it."""
    result = train(layers=(32, 32), lr=0.1, budget=38_400, eval_every=4_800, sample_inputs=True)
    rows = [row for row in helpers.rows(result.dir) if "eval/log_likelihood" in row]
    assert rows[-1]["eval/log_likelihood"] > rows[0]["eval/log_likelihood"] + 1


def test_the_phase_is_read_without_waiting_for_a_device() -> None:
    """Training asks for it at every step. A tensor on "meta", as one stands for an accelerator
    here, has no value that could be read."""
    net = make_net()
    net.phase.fill_(1)
    net = net.to("meta")
    assert int(net.phase) == 1
    assert net.rbms[0].weight.device.type == "meta"
    assert list(net.state_dict()) == list(make_net().state_dict())
