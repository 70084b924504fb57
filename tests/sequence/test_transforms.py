"""Networks run many at once, as one graph, and on a device without values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from lab.sequence import (
    CELLS,
    BlockConfig,
    Decoder,
    Encoder,
    Recurrent,
    keep_mask,
    make_alignment,
)

LENGTHS = torch.tensor([3, 5, 1])
MODERN = BlockConfig(8, 2, pre_norm=True, qk_norm=True, rotary=True, activation="gelu")


class Aligned(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.align = make_alignment("additive", 8, 8, 4)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.align(x, x, keep_mask(lengths, 5))[0]


class Read(nn.Module):
    """A network of inputs and lengths whose outputs are one tensor."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if isinstance(self.net, Recurrent):
            outputs, state = self.net(x, lengths)
            return torch.cat([outputs.flatten(1), self.net.last(state)], 1)
        if isinstance(self.net, Encoder):
            return self.net(x, keep_mask(lengths, 5))
        if isinstance(self.net, Decoder):
            return self.net(x, x, memory_keep=keep_mask(lengths, 5))
        return self.net(x, lengths)


class Cached(nn.Module):
    """The same decoder, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Decoder(2, MODERN, cross=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        cache = self.net.start(3, 6, x)
        keep = keep_mask(lengths, 5)
        self.net(x, memory_keep=keep, cache=cache)
        return self.net(x[:, :1], memory_keep=keep, positions=lengths[:, None], cache=cache)


def both_ways(cell: str) -> Read:
    return Read(Recurrent(cell, 8, 4, 2, bidirectional=True))


NETS: dict[str, Callable[[], nn.Module]] = {
    **{cell: partial(both_ways, cell) for cell in CELLS},
    "steep": lambda: Read(Recurrent("lstm", 8, 4, gate_steepness=2.0)),
    "encoder": lambda: Read(Encoder(2, BlockConfig(8, 2))),
    "decoder": lambda: Read(Decoder(2, MODERN, cross=True)),
    "cached": Cached,
    "additive": Aligned,
}


@pytest.mark.filterwarnings("error")  # of a slow loop in place of a batched operation
@pytest.mark.parametrize("name", NETS)
def test_stacked_networks_run_at_once(name) -> None:
    """Without gradients, where torch's own recurrent modules fail, and with them."""
    nets = [NETS[name]() for _ in range(3)]
    x = torch.randn(3, 5, 8)
    stacked, buffers = stack_module_state(nets)
    base = NETS[name]().to("meta")

    def run(parameters: dict[str, Tensor], inputs: Tensor) -> Tensor:
        return functional_call(base, (parameters, {}), (inputs, LENGTHS))

    assert not buffers
    with torch.no_grad():
        outputs = vmap(run, in_dims=(0, None))(stacked, x)
        for net, output in zip(nets, outputs, strict=True):
            torch.testing.assert_close(output, net(x, LENGTHS), atol=1e-5, rtol=0)
    if name == "cached":
        return
    weights = torch.randn(outputs[0].shape)  # of a plain sum, a last norm leaves 0
    gradients = vmap(grad(lambda p: (run(p, x) * weights).sum()))(stacked)
    for number, net in enumerate(nets):
        (net(x, LENGTHS) * weights).sum().backward()
        for key, parameter in net.named_parameters():
            torch.testing.assert_close(gradients[key][number], parameter.grad, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NETS)
def test_a_network_is_one_graph(name) -> None:
    net = NETS[name]().eval()
    x = torch.randn(3, 5, 8)
    with torch.no_grad():
        expected = net(x, LENGTHS)
        torch.compiler.reset()
        compiled = torch.compile(net, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(x, LENGTHS), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NETS)
def test_nothing_waits_for_values_nor_mixes_devices(name) -> None:
    """On "meta" there are no values: whatever reads one fails, and so does a tensor of the CPU."""
    net = NETS[name]().to("meta")
    outputs = net(torch.randn(3, 5, 8, device="meta"), LENGTHS.to("meta"))
    assert outputs.is_meta
    if name != "cached":
        outputs.sum().backward()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NETS)
def test_half_precision_is_near(name) -> None:
    net = NETS[name]().eval()
    x = torch.randn(3, 5, 8)
    with torch.no_grad():
        expected = net(x, LENGTHS)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = net(x.bfloat16(), LENGTHS)  # as a linear layer before would hand them over
    torch.testing.assert_close(outputs.float(), expected, atol=0.1, rtol=0)


def test_states_are_of_full_precision_under_autocast() -> None:
    """Or the sum in an LSTM's cell would lose what it adds up over many steps."""
    net = Recurrent("lstm", 8, 4)
    with torch.autocast("cpu", torch.bfloat16):
        _, state = net(torch.randn(3, 5, 8).bfloat16())
    assert state["cell"].dtype == torch.float32
