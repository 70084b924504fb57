"""The network: its size, what a capsule sees, and what is reconstructed."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from capsnet.conftest import info

import lab
from lab_capsnet.config import Config
from lab_capsnet.model import Answer, Decoder, build, entropy, lengths, longest
from lab_capsnet.presets import PRESETS

PAPER = {name: value for name, value in PRESETS["paper"].items() if name in Config.model_fields}


def parameters(**options: Any) -> int:
    with torch.device("meta"):
        net = build(Config(**{**PAPER, **options}), info((1, 28, 28), 10))
    return sum(p.numel() for p in net.parameters())


def test_the_papers_network_has_the_papers_size() -> None:
    convolutions = 81 * 256 + 256 + 81 * 256 * 256 + 256
    routed = (32 * 6 * 6) * 8 * 10 * 16
    decoder = 161 * 512 + 513 * 1024 + 1025 * 784
    assert parameters(reconstruction=0.0) == convolutions + routed == 6_804_224
    assert parameters() == convolutions + routed + decoder == 8_215_568


def test_a_primary_capsule_takes_channels_of_its_own_at_one_position(make_net) -> None:
    """A capsule is told by what moves when one channel moves at one position."""
    net = make_net()
    maps = torch.randn(1, 6, 2, 2)  # of 2 types x 3 dimensions
    primary = net.primary
    primary.convolution = torch.nn.Identity()
    before = primary(maps)
    assert before.shape == (1, 3, 8)
    seen: dict[int, list[tuple[int, int]]] = {}
    for channel in range(6):
        for position in range(4):
            changed = maps.clone()
            changed.view(6, 4)[channel, position] += 1
            (capsule,) = (primary(changed) != before).any(1)[0].nonzero().flatten().tolist()
            seen.setdefault(capsule, []).append((channel, position))
    assert sorted(seen) == list(range(8))
    for parts in seen.values():
        channels, positions = zip(*parts, strict=True)
        assert len(set(channels)) == 3
        assert len(set(positions)) == 1


def test_logits_are_logarithms_of_lengths(make_net) -> None:
    net, images = make_net(), torch.randn(5, 1, 8, 8)
    capsules, coefficients = net.capsules(images)
    assert capsules.shape == (5, 3, 4)
    assert coefficients.shape == (5, 3, 8)
    expected = capsules.norm(dim=-1)
    torch.testing.assert_close(net(images).exp(), expected, atol=1e-4, rtol=1e-4)
    probabilities = net(images).softmax(1)
    torch.testing.assert_close(
        probabilities, expected / expected.sum(1, keepdim=True), atol=1e-3, rtol=1e-3
    )


def test_the_decoder_sees_the_chosen_capsules_alone(make_net) -> None:
    net, images = make_net(), torch.randn(2, 1, 8, 8)
    chosen = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    answer = net(images, chosen)
    assert isinstance(answer, Answer)
    capsules, _ = net.capsules(images)
    masked = capsules.clone()
    masked[0, [0, 2]], masked[1, [1, 2]] = 0, 0
    torch.testing.assert_close(answer.reconstruction, net.decoder(masked))
    assert not torch.allclose(net.decoder(masked), net.decoder(capsules))


def test_without_labels_the_longest_capsule_is_reconstructed(make_net) -> None:
    net, images = make_net(), torch.randn(6, 1, 8, 8)
    answers = net(images).argmax(1)
    told = net(images, torch.nn.functional.one_hot(answers, 3).float())
    torch.testing.assert_close(net.reconstruct(images), told.reconstruction)
    capsules, _ = net.capsules(images)
    assert longest(capsules).argmax(1).tolist() == answers.tolist()


def test_pictures_of_bytes_are_reconstructed_in_their_range() -> None:
    config = Config(decoder=(5,), class_dim=4)
    capsules = 100 * torch.randn(8, 3, 4)
    bounded = Decoder(config, info())(capsules)
    assert float(bounded.detach().min()) >= 0
    assert float(bounded.detach().max()) <= 1
    free = Decoder(config, info(floats=True))(capsules)
    assert float(free.detach().abs().max()) > 1


def test_entropy_is_1_where_all_are_alike_and_0_where_all_is_decided() -> None:
    assert float(entropy(torch.full((2, 4, 3), 0.25))) == pytest.approx(1)
    assert float(entropy(torch.eye(4)[None])) == 0
    halves = torch.tensor([0.5, 0.5, 0, 0]).view(1, 4, 1)
    assert float(entropy(halves)) == pytest.approx(math.log(2) / math.log(4))


def test_an_empty_capsule_has_a_finite_length_gradient() -> None:
    capsules = torch.zeros(1, 2, 4, requires_grad=True)
    lengths(capsules).log().sum().backward()
    assert capsules.grad is not None
    assert bool(capsules.grad.isfinite().all())


def test_first_sums_are_of_one_size_whatever_the_number_of_capsules(make_net) -> None:
    """So no number of capsules or classes begins where routing stays even."""
    images = torch.randn(32, 1, 20, 20)
    first = [
        float(lengths(make_net((1, 20, 20), classes, routings=1, capsule_types=types)
                      .capsules(images)[0]).mean().detach())
        for types, classes in ((2, 3), (16, 3), (16, 20))
    ]  # fmt: skip
    assert max(first) < 4 * min(first)


def test_routing_stays_in_full_precision_under_autocast(make_net) -> None:
    routed, capsules = make_net().classes, torch.randn(2, 3, 8)
    expected = routed(capsules)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = routed(capsules)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("side", [4, 8])
def test_windows_that_do_not_fit_are_told(side: int) -> None:
    with pytest.raises(lab.UsageError, match="Lower --kernel and --primary-kernel"):
        build(Config(), info((1, side, side)))
