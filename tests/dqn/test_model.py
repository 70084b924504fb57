"""The network is that of the papers, and reads observations the right way round."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from dqn_tools import make_dqn

import lab
from lab_dqn.model import QNetwork
from lab_dqn.task import Task


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def vector(stack: int = 1) -> Task:
    return Task("vector", (4,), "float32", stack, 0, 3)


def image(*frame: int, stack: int, actions: int = 4) -> Task:
    return Task("image", frame, "uint8", stack, 0, actions)


@pytest.mark.parametrize("frame", [(84, 84), (84, 84, 1)])
def test_the_nature_network_has_the_published_number_of_parameters(frame) -> None:
    """Mnih et al. (2015), methods: 32 filters 8x8 stride 4, 64 4x4 stride 2, 64 3x3, 512 units."""
    convolutions = (8 * 8 * 4 * 32 + 32) + (4 * 4 * 32 * 64 + 64) + (3 * 3 * 64 * 64 + 64)
    head = (7 * 7 * 64 * 512 + 512) + (512 * 4 + 4)
    network = QNetwork(image(*frame, stack=4), (512,), dueling=False)
    assert parameters(network) == convolutions + head == 1_686_180
    strides = [m.stride for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert strides == [(4, 4), (2, 2), (1, 1)]


def test_a_dueling_head_adds_one_value_to_the_network() -> None:
    plain, dueling = (QNetwork(vector(), (128, 128), dueling) for dueling in (False, True))
    assert parameters(plain) == 4 * 128 + 128 + 128 * 128 + 128 + 128 * 3 + 3
    assert parameters(dueling) == parameters(plain) + 128 + 1


def test_dueling_advantages_have_mean_zero_so_that_the_value_is_the_mean() -> None:
    """Wang et al. (2016), equation 9: a constant added to all advantages changes nothing."""
    network = QNetwork(vector(), (16,), dueling=True)
    obs = torch.randn(7, 1, 4)
    q = network(obs)
    assert network.value is not None
    value = network.value(network.features(obs))
    torch.testing.assert_close(q.mean(dim=1, keepdim=True), value)
    with torch.no_grad():
        network.advantage.bias.add_(5.0)
    torch.testing.assert_close(network(obs), q)


def test_bytes_are_scaled_to_one_and_only_once() -> None:
    network = QNetwork(image(84, 84, stack=1), (8,), dueling=False)
    black, white = (torch.full((2, 1, 84, 84), v, dtype=torch.uint8) for v in (0, 255))
    assert network.prepare(white).dtype == torch.float32
    assert (network.prepare(white) == 1.0).all()
    assert (network.prepare(black) == 0.0).all()
    seen = []
    first = next(m for m in network.modules() if isinstance(m, torch.nn.Conv2d))
    first.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].max().item()))
    network(white)
    assert seen == [1.0]


def test_discrete_observations_become_one_hot() -> None:
    network = QNetwork(Task("discrete", (), "int64", 1, 5, 3), (), dueling=False)
    torch.nn.init.zeros_(network.advantage.bias)
    q = network(torch.tensor([[3], [0]]))
    assert torch.equal(q, network.advantage.weight.T[[3, 0]])


def test_stacked_vectors_are_one_long_vector() -> None:
    network = QNetwork(vector(stack=3), (), dueling=False)
    obs = torch.randn(2, 3, 4)
    torch.testing.assert_close(network(obs), network.advantage(obs.reshape(2, 12)))


@pytest.mark.parametrize("stack", [1, 3])
def test_bounded_numbers_are_scaled_and_others_left_alone(stack) -> None:
    """CartPole-v1 bounds its position by 4.8 and its angle by 24 degrees, but not its speeds."""
    options = {"frame_stack": stack, "hidden": (), "scale_obs": True}
    network = make_dqn(**options).online
    bounds = torch.tensor([4.8, 3.0, math.radians(24), 3.0])
    for sign in (-1, 1):
        scaled = network.prepare((sign * bounds).expand(2, stack, 4))
        expected = sign * torch.tensor([1.0, 3.0, 1.0, 3.0])
        torch.testing.assert_close(scaled, expected.expand(2, stack, 4))


def test_the_scale_centers_lopsided_bounds() -> None:
    """MountainCar-v0: positions from -1.2 to 0.6, speeds up to 0.07."""
    task = make_dqn(env="MountainCar-v0", scale_obs=True).task
    assert task.center == pytest.approx((-0.3, 0.0), abs=1e-6)
    assert task.half_range == pytest.approx((0.9, 0.07), abs=1e-6)


def test_the_scale_is_no_part_of_the_weights() -> None:
    plain, scaled = (make_dqn(env="MountainCar-v0", scale_obs=on).online for on in (False, True))
    assert list(plain.state_dict()) == list(scaled.state_dict())


def test_colors_of_stacked_pictures_become_planes_frame_by_frame() -> None:
    """[B, k, H, W, C] -> [B, k * C, H, W]: pixels stay where they are."""
    network = QNetwork(image(6, 5, 3, stack=2), (8,), dueling=False)
    obs = torch.randint(0, 256, (4, 2, 6, 5, 3), dtype=torch.uint8)
    planes = network.prepare(obs)
    assert planes.shape == (4, 6, 6, 5)
    for frame in range(2):
        for color in range(3):
            expected = obs[:, frame, :, :, color] / 255
            assert torch.equal(planes[:, frame * 3 + color], expected)
    assert network(obs).shape == (4, 4)


@pytest.mark.parametrize("side", [10, 35, 36, 40, 84])
def test_pictures_of_any_size_have_a_network(side) -> None:
    network = QNetwork(image(side, side, 1, stack=1), (8,), dueling=True)
    assert network(torch.zeros(2, 1, side, side, 1, dtype=torch.uint8)).shape == (2, 4)


@pytest.mark.parametrize(
    ("options", "task"),
    [
        ({}, Task("vector", (4,), "float32", 1, 0, 2)),
        ({"frame_stack": 3}, Task("vector", (4,), "float32", 3, 0, 2)),
        ({"env": "lab/Catch-v0"}, Task("image", (40, 40, 1), "uint8", 1, 0, 3)),
        ({"env": "lab/Catch-v0", "frame_stack": 4}, Task("image", (40, 40, 1), "uint8", 4, 0, 3)),
        ({"env": "FrozenLake-v1"}, Task("discrete", (), "int64", 1, 16, 4)),
        ({"env": "FrozenLake-v1", "env_args": {"map_name": "8x8"}},
         Task("discrete", (), "int64", 1, 64, 4)),
    ],
    ids=str,
)  # fmt: skip
def test_the_task_is_read_off_the_environment(options, task) -> None:
    assert make_dqn(**options).task == task


@pytest.mark.parametrize(
    ("observation", "options", "planes"),
    [
        ("bits", {}, (4, 10, 10)),
        ("bits", {"frame_stack": 2}, (8, 10, 10)),
        ("bytes first", {}, (3, 48, 40)),
        ("bytes first", {"frame_stack": 2}, (6, 48, 40)),
        ("bytes first", {"channels": "last"}, (40, 3, 48)),
        ("bytes last", {}, (3, 48, 40)),
        ("bytes last", {"channels": "first"}, (48, 40, 3)),
    ],
)
def test_pictures_are_read_as_what_they_are(observation, options, planes) -> None:
    dqn = make_dqn(
        env="worlds:worlds/Odd-v0", env_args={"observation": observation}, hidden=(8,), **options
    )
    obs = dqn.example(2)
    stored = torch.from_numpy(obs.astype(np.uint8))
    prepared = dqn.online.prepare(stored if dqn.task.stack > 1 else stored[:, None])
    assert prepared.shape == (2, *planes)
    assert prepared.max() > 0.9  # what is brightest is near 1, of bits as of bytes
    if observation == "bytes first" and not options:
        torch.testing.assert_close(prepared, stored / 255)
    if planes[1] > 9:
        assert dqn.predict(obs).shape == (2,)


def test_a_picture_that_may_be_read_in_two_ways_is_told() -> None:
    said: list[str] = []
    odd: dict[str, Any] = {"env": "worlds:worlds/Odd-v0", "env_args": {"observation": "cube"}}
    env = {**odd, "hidden": (8,)}
    assert not make_dqn(**env, warn=said.append).task.channels_first
    (line,) = said
    assert line.endswith("read as height, width, channels: --channels first or last decides")
    assert make_dqn(**env, channels="first", warn=said.append).task.channels_first
    assert said == [line]


def test_predictions_are_the_network_s_and_refuse_other_shapes() -> None:
    dqn = make_dqn(env="lab/Catch-v0", frame_stack=2, hidden=(8,))
    obs = torch.randint(0, 256, (5, 2, 40, 40, 1), dtype=torch.uint8)
    with torch.no_grad():
        values = dqn.online(obs)
    assert torch.equal(torch.from_numpy(dqn.q(obs.numpy())), values)
    assert dqn.predict(obs).tolist() == values.argmax(1).tolist()
    for wrong in (obs[:, 0], obs[0], obs[:, :1], obs[..., 0]):
        with pytest.raises(lab.UsageError, match="observations are"):
            dqn.predict(wrong.numpy())
