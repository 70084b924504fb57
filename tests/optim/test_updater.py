"""An update is torch's own loop: rate, parts, clipping, average; and goes on to the bit."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from helpers import difference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

from lab import Batch
from lab.nn import CrossEntropy, freeze
from lab.optim import OptimizerOptions, Updater, rate
from lab.optim.updater import join

VOID = -1
fixture_settings = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FORMS = [
    pytest.param(False, id="eager"),
    pytest.param(True, id="compiled", marks=pytest.mark.slow),
]


@pytest.fixture
def fresh_graphs() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def mlp(dropout: float = 0.0) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3))


def conv() -> nn.Sequential:
    torch.manual_seed(1)
    body = [
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 4, 3),
    ]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(4 * 16, 3))


def data(n: int = 16, step: int = 0, pictures: bool = False) -> Batch:
    generator = torch.Generator().manual_seed(step)
    shape = (n, 3, 6, 6) if pictures else (n, 4)
    x = torch.randn(shape, generator=generator)
    return {"x": x, "y": torch.randint(3, (n,), generator=generator)}


def loss(model, batch):
    logits = model(batch["x"])
    return cross_entropy(logits, batch["y"]), logits.detach()


def make(ctx, module=None, criterion=None, **options) -> Updater:
    options = {"optimizer": "sgd", "lr": 1.0, "momentum": 0.0, **options}
    module = ctx.wrap(module or mlp())
    if criterion is None:
        return Updater(ctx, module, OptimizerOptions(**options), loss)

    def weighted(model, batch):
        return criterion(model(batch["x"]), batch["y"]), None

    def weight(batch):
        return criterion.weight(batch["y"])

    return Updater(ctx, module, OptimizerOptions(**options), weighted, weight=weight)


def moved(updater: Updater, batch: Batch) -> list[torch.Tensor]:
    """Return the gradient that a step of plain SGD at rate 1 took."""
    before = [p.detach().clone() for p in updater.module.parameters()]
    updater(batch)
    return [
        old - new.detach() for old, new in zip(before, updater.module.parameters(), strict=True)
    ]


@fixture_settings
@given(n=st.integers(1, 19), parts=st.integers(1, 8))
def test_parts_give_the_gradient_of_the_whole_whatever_the_tail(ctx, n, parts) -> None:
    expected = moved(make(ctx), data(n))
    actual = moved(make(ctx, grad_accum_steps=parts), data(n))
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-6)


@fixture_settings
@given(n=st.integers(1, 19), parts=st.integers(2, 8), void=st.floats(0, 1), smoothing=st.booleans())
def test_parts_count_by_the_weight_that_is_really_seen(ctx, n, parts, void, smoothing) -> None:
    """Tokens or pixels to ignore, and classes of other weights, are spread unevenly over parts."""
    batch = data(n)
    batch["y"][: int(void * n)] = VOID
    criterion = CrossEntropy(0.1 * smoothing, torch.tensor([0.2, 1.0, 5.0]), VOID)
    expected = moved(make(ctx, criterion=criterion), batch)
    actual = moved(make(ctx, criterion=criterion, grad_accum_steps=parts), batch)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n", [4, 10, 16])
def test_loss_and_extras_of_parts_are_those_of_the_whole(ctx, n) -> None:
    expected, parts = make(ctx)(data(n)), make(ctx, grad_accum_steps=3)(data(n))
    torch.testing.assert_close(parts, expected, rtol=1e-5, atol=1e-6)
    assert not parts[0].requires_grad


def test_a_tensor_without_axes_holds_for_each_part(ctx) -> None:
    """A weight for the batch as a whole, whatever the number of parts."""

    def scaled(model, batch):
        return batch["scale"] * cross_entropy(model(batch["x"]), batch["y"]), None

    batch, weights = {**data(10), "scale": torch.tensor(3.0)}, []
    for parts in (1, 4):
        options = OptimizerOptions(optimizer="sgd", lr=1.0, momentum=0.0, grad_accum_steps=parts)
        weights.append(moved(Updater(ctx, ctx.wrap(mlp()), options, scaled), batch))
    torch.testing.assert_close(*weights, rtol=0, atol=1e-5)
    plain = moved(make(ctx), data(10))
    torch.testing.assert_close(weights[0], [3 * value for value in plain], rtol=1e-4, atol=1e-5)


EXTRAS = {
    "nothing": lambda value: None,
    "a number": lambda value: value,
    "a pair": lambda value: (value, value + 1),
    "names": lambda value: {"one": value, "none": ()},
}


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
@pytest.mark.usefixtures("fresh_graphs")
def test_one_graph_serves_all_steps(make_ctx, monkeypatch, extra) -> None:
    """Whatever weight the batch holds, whatever the rate, and whatever extras the loss returns."""
    graphs = []
    backend = torch._dynamo.lookup_backend("eager")

    def counting(graph, inputs, **_):
        graphs.append(graph)
        return backend(graph, inputs)

    torch_compile = torch.compile
    monkeypatch.setattr(
        torch,
        "compile",
        lambda step, options=None, **rest: torch_compile(step, backend=counting, **rest),
    )

    def scaled(model, batch):
        assert "absent" not in batch
        value = cross_entropy(model(batch["x"]), batch["y"])
        return batch.get("scale", 1.0) * value, extra(value.detach())

    ctx = make_ctx(compiled=True)
    options = OptimizerOptions(optimizer="adam", schedule="linear")
    updater = Updater(ctx, ctx.wrap(mlp(), compile=False), options, scaled)
    for step in range(5):
        ctx.clock = 100 * step
        batch = {**data(step=step), "rows": torch.arange(16), "scale": torch.tensor(float(step))}
        value = cross_entropy(updater.module(batch["x"]), batch["y"]).detach()
        loss, extras = updater(batch)
        torch.testing.assert_close(loss, step * value)
        torch.testing.assert_close(extras, extra(value))
    assert len(graphs) == 1


def test_extras_are_joined_by_kind() -> None:
    weights = torch.tensor([0.75, 0.25])
    extras = [
        {"rows": torch.ones(3, 2) * i, "number": torch.tensor(float(i)), "pair": (None, [i])}
        for i in range(2)
    ]
    joined = join(extras, weights)
    assert joined["rows"].shape == (6, 2)
    assert joined["number"].item() == 0.25
    assert joined["pair"] == (None, [[0, 1]])


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("clip", [1e-3, 0.1, 1e3])
def test_the_gradient_is_clipped_to_its_norm(ctx, parts, clip) -> None:
    norm = torch.cat([g.flatten() for g in moved(make(ctx), data())]).norm().item()
    gradients = moved(make(ctx, grad_accum_steps=parts, clip_norm=clip), data())
    clipped = torch.cat([g.flatten() for g in gradients]).norm().item()
    assert clipped == pytest.approx(min(norm, clip), rel=1e-3)


@pytest.mark.parametrize("parts", [1, 3])
def test_with_a_scaler_gradients_are_clipped_in_their_true_scale(make_ctx, parts) -> None:
    """fp16 needs a scaler on the GPU alone; the CPU has one too."""
    ctx = make_ctx("fp16")
    ctx.compute.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12)
    plain = moved(make(make_ctx()), data())
    norm = torch.cat([g.flatten() for g in plain]).norm()
    actual = moved(make(ctx, grad_accum_steps=parts, clip_norm=0.05), data())
    expected = [gradient * 0.05 / norm for gradient in plain]
    torch.testing.assert_close(actual, expected, rtol=0.05, atol=2e-4)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_step_whose_gradient_overflows_is_skipped(make_ctx, parts) -> None:
    ctx = make_ctx("fp16")
    ctx.compute.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**60)
    assert not any(g.any() for g in moved(make(ctx, grad_accum_steps=parts), data()))
    assert ctx.compute.scaler.get_scale() < 2.0**60


@pytest.mark.parametrize("parts", [1, 3])
def test_bf16_computes_in_bf16_and_updates_in_fp32(make_ctx, parts) -> None:
    seen = []

    def watched(model, batch):
        logits = model(batch["x"])
        seen.append(logits.dtype)
        return cross_entropy(logits, batch["y"]), None

    ctx = make_ctx("bf16")
    options = OptimizerOptions(optimizer="sgd", lr=1.0, momentum=0.0, grad_accum_steps=parts)
    actual = moved(Updater(ctx, ctx.wrap(mlp()), options, watched), data())
    assert set(seen) == {torch.bfloat16}
    torch.testing.assert_close(actual, moved(make(make_ctx()), data()), rtol=0.1, atol=2e-2)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("parts", [1, 3])
def test_channels_last_computes_the_same(ctx, optimizer, decay, parts) -> None:
    """The fused kernel walks parameters, gradients and moments as they lie in memory."""
    options = {"optimizer": optimizer, "lr": 0.01, "weight_decay": decay, "grad_accum_steps": parts}
    plain = make(ctx, conv(), **options)
    channels_last: Any = {"memory_format": torch.channels_last}  # which torch does not type
    converted = make(ctx, conv().to(**channels_last), **options)
    for step in range(3):
        batch = data(step=step, pictures=True)
        plain(batch)
        converted({**batch, "x": batch["x"].contiguous(memory_format=torch.channels_last)})
    torch.testing.assert_close(
        converted.module.state_dict(), plain.module.state_dict(), rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("compiled", FORMS)
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.usefixtures("fresh_graphs")
def test_steps_are_those_of_torchs_own_loop(make_ctx, compiled, parts, optimizer) -> None:
    """With BatchNorm, a schedule, clipping and decay; compiled or not."""
    ctx = make_ctx(compiled=compiled)
    options = OptimizerOptions(
        optimizer=optimizer, lr=0.05, schedule="one-cycle", clip_norm=0.5, grad_accum_steps=parts,
        weight_decay=0.01 if optimizer == "sgd" else 0.0,
    )  # fmt: skip
    updater = Updater(ctx, ctx.wrap(conv()), options, loss)
    module = conv()
    matrices = [p for p in module.parameters() if p.dim() > 1]
    others = [p for p in module.parameters() if p.dim() <= 1]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    torchs = (
        torch.optim.SGD(groups, 0.05, momentum=0.9, weight_decay=0.01)
        if optimizer == "sgd"
        else torch.optim.AdamW(module.parameters(), 0.05, weight_decay=0.0)
    )
    for step in range(6):
        ctx.clock = step * 16
        batch = data(step=step, pictures=True)
        x, y = batch.values()
        mean_loss, _ = updater(batch)
        for group in torchs.param_groups:
            group["lr"] = 0.05 * rate(options, step * 16 / 1_000)
        torchs.zero_grad()
        values = []
        for a, b in zip(x.chunk(parts), y.chunk(parts), strict=True):
            value = cross_entropy(module(a), b) / parts
            value.backward()
            values.append(value.item())
        nn.utils.clip_grad_norm_(module.parameters(), 0.5)
        torchs.step()
        assert mean_loss.item() == pytest.approx(math.fsum(values), rel=1e-3)
    torch.testing.assert_close(
        updater.module.state_dict(), module.state_dict(), rtol=2e-3, atol=1e-4
    )


def test_the_rate_is_that_of_the_clock(ctx) -> None:
    updater = make(ctx, lr=0.5, schedule="linear")
    for clock, expected in ((0, 0.5), (500, 0.25), (900, 0.05)):
        ctx.clock = clock
        updater(data())
        assert updater.lr == pytest.approx(expected)
        assert updater.optimizer.param_groups[0]["lr"] == pytest.approx(expected)


def test_a_phase_may_have_a_progress_of_its_own(ctx) -> None:
    options = OptimizerOptions(lr=1.0, schedule="linear")
    module = ctx.wrap(mlp())
    assert Updater(ctx, module, options, loss, progress=lambda: 0.75).lr == 0.25


def test_frozen_layers_stay_and_the_others_learn(ctx) -> None:
    module = conv()
    freeze(module, "0", "1")
    updater = make(ctx, module.train(), optimizer="adam", lr=0.1)
    before = copy.deepcopy(dict(module.state_dict()))
    for step in range(3):
        updater(data(step=step, pictures=True))
    after = dict(module.state_dict())
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"3.weight", "3.bias", "5.weight", "5.bias"}


CASES: dict[str, dict[str, Any]] = {
    "plain": {"optimizer": "adam"},
    "everything": {
        "optimizer": "adamw", "weight_decay": 0.1, "schedule": "one-cycle", "clip_norm": 0.5,
        "grad_accum_steps": 3, "ema": 0.9,
    },
    "sgd": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True, "ema": 0.5},
    "rmsprop": {"optimizer": "rmsprop", "momentum": 0.5, "weight_decay": 0.1},
    "adagrad": {"optimizer": "adagrad"},
    "radam": {"optimizer": "radam"},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_updater_goes_on_to_the_bit(ctx, case) -> None:
    def train(updater: Updater, steps: range) -> Updater:
        for step in steps:
            ctx.clock = 100 * step
            torch.manual_seed(step)  # the runner restores it
            updater(data(step=step, pictures=True))
        return updater

    def drawn_again(part: torch.nn.Module) -> None:
        getattr(part, "reset_parameters", int)()

    options = {"lr": 0.01, **CASES[case]}
    uninterrupted = train(make(ctx, conv(), **options), range(6))
    half = train(make(ctx, conv(), **options), range(3))
    state = copy.deepcopy(half.state_dict())
    kept = copy.deepcopy(state)
    resumed = make(ctx, conv().apply(drawn_again))
    resumed = make(ctx, resumed.module, **options)
    resumed.load_state_dict(state)
    assert difference(resumed.state_dict(), kept) is None
    train(resumed, range(3, 6))
    assert difference(resumed.state_dict(), uninterrupted.state_dict()) is None
    assert difference(state, kept) is None, "what was loaded was copied"


def test_the_model_of_a_state_is_what_evaluates(ctx) -> None:
    updater = make(ctx, conv(), ema=0.9, lr=0.1)
    for step in range(4):
        updater(data(step=step, pictures=True))
    x = data(step=9, pictures=True)["x"]
    with torch.no_grad(), updater.averaged():
        expected = updater.module.eval()(x)
    assert not torch.equal(expected, updater.module(x))
    fresh = make(ctx, conv(), ema=0.9)
    fresh.load_state_dict({"model": updater.state_dict()["model"]})
    with torch.no_grad(), fresh.averaged():
        assert torch.equal(fresh.module.eval()(x), expected)
    with torch.no_grad():
        assert torch.equal(fresh.module.eval()(x), expected)


def test_without_an_average_the_module_evaluates(ctx) -> None:
    updater = make(ctx)
    with updater.averaged():
        assert set(updater.state_dict()) == {"model", "optimizer"}
