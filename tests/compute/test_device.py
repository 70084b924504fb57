"""Devices are found or refused plainly, and switches are put back."""

from __future__ import annotations

import os

import pytest
import torch
from helpers import difference
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lab.compute import device
from lab.compute.device import Compute
from lab.errors import UsageError
from lab.optim.step import optimize

CPU = torch.device("cpu")


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))


@pytest.mark.parametrize("name", ["cuda:7", "tpu", "CPU", "", "cpu:1", "cuda:x"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(name) -> None:
    with pytest.raises(UsageError, match=f"no device '{name}' here. There is: .*cpu"):
        device.resolve(name)


def test_auto_is_the_first_of_those_available() -> None:
    assert str(device.resolve("auto")) == device.available()[0]
    assert device.resolve("cpu") == CPU
    assert device.available()[-1] == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_without_a_number_is_the_first() -> None:
    assert device.resolve("cuda") == device.resolve("auto") == torch.device("cuda:0")


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("before", [None, ":16:8"])
def test_threads_and_determinism_are_set_and_put_back(monkeypatch, deterministic, before) -> None:
    if before:
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", before)
    threads, variable = torch.get_num_threads(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    with pytest.raises(ZeroDivisionError), device.configured(threads + 1, deterministic):
        assert torch.get_num_threads() == threads + 1
        assert torch.are_deterministic_algorithms_enabled() is deterministic
        raise ZeroDivisionError
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert os.environ.get("CUBLAS_WORKSPACE_CONFIG") == variable


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize(
    ("before", "expected"), [(None, ":4096:8"), (":16:8", ":16:8"), (":0:0", None)]
)
def test_any_run_finds_what_cublas_needs_for_a_later_deterministic_one(
    monkeypatch, deterministic, before, expected
) -> None:
    """torch reads the variable at the first product of matrices on CUDA, and never again."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    if before:
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", before)
    with device.configured(1, deterministic):
        configured = os.environ["CUBLAS_WORKSPACE_CONFIG"]
    # a value that does not repeat is a person's own choice, unless determinism is requested
    assert configured == (expected or (":4096:8" if deterministic else before))


def test_a_determinism_that_only_warns_stays_one_that_only_warns() -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with device.configured(1, True):
            assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("compiled", [False, True])
def test_wrap_is_in_place_and_keeps_state_keys(compiled) -> None:
    module = net()
    keys = list(module.state_dict())
    wrapped = Compute(CPU, compiled=compiled).wrap(module)
    assert wrapped is module
    assert list(wrapped.state_dict()) == keys


def test_evaluating_restores_each_modules_own_mode() -> None:
    """A BatchNorm that is frozen in eval mode stays so when its network trains on."""
    compute, module = Compute(CPU), net()
    compute.wrap(module.train())
    module[1].eval()
    buffers = {name: value.clone() for name, value in module.named_buffers()}
    with pytest.raises(ZeroDivisionError), compute.evaluating():
        assert not any(part.training for part in module.modules())
        assert not module(torch.randn(16, 4)).requires_grad
        raise ZeroDivisionError
    assert [part.training for part in module.modules()] == [True, True, False, True, True]
    assert torch.is_grad_enabled()
    module(torch.randn(16, 4))
    assert difference(dict(module.named_buffers()), buffers) is None


def test_a_module_wrapped_twice_or_nested_comes_back_as_it_was() -> None:
    compute, module = Compute(CPU), net()
    compute.wrap(module.train())
    compute.wrap(module[2])
    compute.wrap(module)
    with compute.evaluating():
        pass
    assert all(part.training for part in module.modules())


@given(
    lr=st.floats(1e-3, 1.0),
    clip=st.none() | st.floats(1e-3, 10.0),
    scale=st.floats(0.01, 100.0),
    seed=st.integers(0, 100),
)
def test_optimize_equals_the_step_written_by_hand(lr, clip, scale, seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = nn.Parameter(torch.randn(3, generator=generator, dtype=torch.float64))
    bias = nn.Parameter(torch.randn(1, generator=generator, dtype=torch.float64))
    x = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    expected = weight.detach().clone(), bias.detach().clone()
    residual = x @ expected[0] + expected[1]
    gradients = [scale * 2 * x.T @ residual / 5, scale * 2 * residual.mean(0, keepdim=True)]
    norm = torch.cat(gradients).norm()
    if clip is not None and norm > clip:
        gradients = [gradient * clip / norm for gradient in gradients]

    optimizer = torch.optim.SGD([weight, bias], lr)
    weight.grad = torch.full_like(weight, 1e6)  # what another loss left behind
    optimize(Compute(CPU), optimizer, scale * (x @ weight + bias).square().mean(), clip)
    for parameter, start, gradient in zip((weight, bias), expected, gradients, strict=True):
        step = lr * gradient
        # torch divides by norm + 1e-6
        torch.testing.assert_close(parameter.detach(), start - step, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_autocast_computes_in_the_precision_and_keeps_weights_in_fp32(precision, dtype) -> None:
    compute = Compute(CPU, precision)
    module = compute.wrap(nn.Linear(4, 2))
    with compute.autocast():
        assert module(torch.randn(3, 4)).dtype == dtype
    assert module.weight.dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_fp16_on_cuda_scales_and_still_learns() -> None:
    compute = Compute(torch.device("cuda:0"), "fp16")
    module = compute.wrap(nn.Linear(4, 1))
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    x = torch.randn(64, 4, device="cuda:0")
    losses = []
    for _ in range(50):
        with compute.autocast():
            loss = (module(x) - x.sum(1, keepdim=True)).square().mean()
        optimize(compute, optimizer, loss, clip_norm=10.0)
        losses.append(float(loss))
    assert compute.scaler.is_enabled()
    assert losses[-1] < losses[0] / 4
