"""Time the lab and a bare torch loop of the same network and batch, in turn, on one device.

A contest is registered by `contest`; it yields contestants, each of which does the same work when
it is called. Times are wall times, with the device waited for before and after.
"""

from __future__ import annotations

import copy
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, huber_loss, softplus

from benchmarks.gpu.family import OutOfTime
from benchmarks.measure import alternate
from lab.compute import device
from lab.compute.device import Compute
from lab.engine.context import Context
from lab.plugins import discover
from lab.resolve import resolve

ROUNDS = 9
BARE = "bare torch"
STEPS = 50  # in a round
LEAST = 15.0  # seconds that a contest takes

Call = Callable[[], None]


@dataclass(frozen=True)
class Contest:
    """unit: of the work that is counted. work: how much of it one call does. open: the contestants
    by name on a device, `BARE` among them where there is a loop to compare with."""

    unit: str
    work: int
    open: Callable[[str], AbstractContextManager[Mapping[str, Call]]]


CONTESTS: dict[str, Contest] = {}


def contest(name: str, unit: str, work: int) -> Callable[[Callable[[str], Any]], Any]:
    """Register a generator function that yields contestants for a device."""

    def register(function: Callable[[str], Iterator[Mapping[str, Call]]]) -> Any:
        CONTESTS[name] = Contest(unit, work, contextmanager(function))
        return function

    return register


def measure(entry: Contest, task: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the results of a contest, as text and as metrics."""
    left = task["deadline"] - time.time()
    if left < LEAST:
        raise OutOfTime(f"{max(0.0, left):.0f} s are left, and it takes about {LEAST:.0f} s")
    where = device.resolve(task["device"])
    with (
        device.configured(threads=1, deterministic=False),
        entry.open(str(where)) as contestants,
    ):
        waited = {name: _waited(call, where) for name, call in contestants.items()}
        for call in waited.values():  # compiles, tunes, and fills the allocator
            call()
            call()
        seconds = alternate(waited, task.get("rounds") or ROUNDS, time.perf_counter)
    metrics: dict[str, Any] = {"unit": entry.unit}
    lines = []
    for name, values in seconds.items():
        rates = [entry.work / value for value in values]
        metrics[name] = {"rate": statistics.median(rates), "rates": rates}
        text = f"{name} {statistics.median(rates):,.0f} {entry.unit}/s"
        if BARE in seconds and name != BARE:
            ratios = [b / a for a, b in zip(values, seconds[BARE], strict=True)]
            metrics[name]["ratio"] = statistics.median(ratios)
            text += (
                f" = {statistics.median(ratios):.2f} of {BARE} "
                f"[{min(ratios):.2f}, {max(ratios):.2f}]"
            )
        lines.append(text)
    return "; ".join(lines), metrics


def _waited(call: Call, where: torch.device) -> Call:
    def waited() -> None:
        call()
        if where.type == "cuda":
            torch.cuda.synchronize(where)

    return waited


@contextmanager
def made(name: str, where: str, compiled: bool = False, **flags: Any) -> Iterator[Any]:
    """Yield an experiment as a run would make it, with an unlimited budget."""
    plugins = discover()
    spec = plugins.experiment(name)
    resolved = resolve(spec, {**flags, "budget": 10**9}, preset="none")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-gpu-"))
        ctx = Context(
            seed=0,
            budget=10**9,
            dir=Path(folder),
            compute=Compute(torch.device(where), compiled=compiled),
            environments=plugins.environments(),
            sources=plugins.sources(),
        )
        stack.callback(ctx.close)
        yield spec.load_experiment()(resolved.config, ctx)


def steps(experiment: Any, number: int = STEPS) -> Call:
    def once() -> None:
        for _ in range(number):
            experiment.ctx.clock += experiment.step()

    return once


# -- deep Q-networks

CARTPOLE: Mapping[str, Any] = {
    "env": "CartPole-v1",
    "n_envs": 8,
    "train_freq": 256,
    "gradient_steps": STEPS,
    "epsilon_start": 0.05,  # acting is a part of the work
}


@contest("dqn", "gradient steps", STEPS)
def dqn(where: str) -> Iterator[Mapping[str, Call]]:
    with made("dqn", where, **CARTPOLE) as eager, made("dqn", where, True, **CARTPOLE) as compiled:
        for experiment in (eager, compiled):
            while len(experiment.memory) < 4 * CARTPOLE["train_freq"]:
                experiment.play_rollout()
        yield {
            "lab": lambda: eager.learn(STEPS),
            "lab --compile": lambda: compiled.learn(STEPS),
            BARE: bare_dqn(eager, where),
        }


def bare_dqn(experiment: Any, where: str) -> Call:
    """Return gradient steps as one would write them, over transitions on the device."""
    c, batch = experiment.config, experiment.memory.sample(1, 1_024, experiment.ctx.rng)
    obs, action, reward, discount, next_obs = (
        batch[name][0].clone() for name in ("obs", "action", "reward", "discount", "next_obs")
    )
    online, target = (copy.deepcopy(experiment.online) for _ in range(2))
    target.requires_grad_(False)
    optimizer = torch.optim.Adam(online.parameters(), c.lr, fused=True)

    def once() -> None:
        for _ in range(STEPS):
            rows = torch.randint(len(obs), (c.batch_size,), device=where)
            with torch.no_grad():
                best = target(next_obs[rows]).amax(1)
                target_q = reward[rows] + discount[rows] * best
            q = online(obs[rows]).gather(1, action[rows, None])[:, 0]
            optimizer.zero_grad(set_to_none=True)
            huber_loss(q, target_q).backward()
            torch.nn.utils.clip_grad_norm_(online.parameters(), c.clip_norm)
            optimizer.step()
        target.load_state_dict(online.state_dict())

    return once


@contest("dqn play", "env steps", 4 * CARTPOLE["train_freq"])
def dqn_playing(where: str) -> Iterator[Mapping[str, Call]]:
    with made("dqn", where, **CARTPOLE) as eager, made("dqn", where, True, **CARTPOLE) as compiled:
        yield {"lab": steps(eager, 4), "lab --compile": steps(compiled, 4)}


# -- convolutional networks


@contest("cnn", "steps", STEPS)
def cnn(where: str) -> Iterator[Mapping[str, Call]]:
    with made("cnn", where, data="digits", arch="resnet14", batch_size=128) as experiment:
        experiment.supervision.next()  # reads the data
        yield {"lab": steps(experiment), BARE: bare_cnn(experiment, where)}


def bare_cnn(experiment: Any, where: str) -> Call:
    """Return the steps of a loop written by hand over images on the device."""
    train, info, c = experiment.supervision.data.train, experiment.info, experiment.config
    net = copy.deepcopy(experiment.net)
    optimizer = torch.optim.AdamW(net.parameters(), c.lr, weight_decay=0.0, fused=True)
    mean, std = info.mean[0], info.std[0]

    def once() -> None:
        for _ in range(STEPS):
            rows = torch.randint(len(train), (c.batch_size,), device=where)
            images = (train.inputs[rows].float() / 255 - mean) / std
            optimizer.zero_grad(set_to_none=True)
            cross_entropy(net(images), train.targets[rows].long()).backward()
            optimizer.step()

    return once


# -- adversarial networks


@contest("gan", "steps", STEPS)
def gan(where: str) -> Iterator[Mapping[str, Call]]:
    data: Mapping[str, Any] = {"data": "affine-digits", "data_args": {"size": 28}, "arch": "mlp"}
    with made("gan", where, **data) as experiment:
        experiment.batches.next()  # reads the data
        yield {"lab": steps(experiment), BARE: bare_gan(experiment, where)}


def bare_gan(experiment: Any, where: str) -> Call:
    """Return the steps of a loop written by hand: the same networks, losses and average."""
    c, train = experiment.config, experiment.data.train
    generator = copy.deepcopy(experiment.players.generator)
    discriminator = copy.deepcopy(experiment.players.discriminator)
    betas = (c.beta1, c.beta2)
    g_optimizer = torch.optim.Adam(generator.parameters(), c.lr, betas, fused=True)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), c.lr, betas, fused=True)
    averages = [p.detach().clone() for p in generator.parameters()]

    def score(examples: Tensor) -> Tensor:
        scores: Tensor = discriminator(examples).score
        return scores

    def fake() -> Tensor:
        examples: Tensor = generator(torch.randn(c.batch_size, c.latent_dim, device=where))
        return examples

    def once() -> None:
        for _ in range(STEPS):
            rows = torch.randint(len(train), (c.batch_size,), device=where)
            real = train.inputs[rows].float() / 127.5 - 1
            with torch.no_grad():
                fakes = fake()
            d_optimizer.zero_grad(set_to_none=True)
            d_real, d_fake = score(torch.cat([real, fakes])).chunk(2)
            (softplus(-d_real).mean() + softplus(d_fake).mean()).backward()
            d_optimizer.step()
            discriminator.requires_grad_(False)
            g_optimizer.zero_grad(set_to_none=True)
            softplus(-score(fake())).mean().backward()
            g_optimizer.step()
            discriminator.requires_grad_(True)
            with torch.no_grad():
                torch._foreach_lerp_(averages, list(generator.parameters()), 0.001)

    return once
