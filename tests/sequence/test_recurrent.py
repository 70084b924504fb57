"""Recurrent networks are torch's, by the loop and by its kernel; padding is nothing to them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lab.sequence import CELLS, Recurrent

LENGTHS = torch.tensor([3, 7, 1, 5, 7])  # neither sorted nor all full
TORCHS = {
    "rnn": lambda *a, **k: nn.RNN(*a, **k, batch_first=True),
    "rnn-relu": lambda *a, **k: nn.RNN(*a, **k, nonlinearity="relu", batch_first=True),
    "lstm": lambda *a, **k: nn.LSTM(*a, **k, batch_first=True),
    "gru": lambda *a, **k: nn.GRU(*a, **k, batch_first=True),
}
SHAPES = [(1, False), (1, True), (2, True), (3, False), (3, True)]


def close(one: object, other: object, *, atol: float = 1e-5) -> None:
    torch.testing.assert_close(one, other, atol=atol, rtol=0)


def by_torch(net: nn.RNNBase, inputs: Tensor, lengths: Tensor | None, start: dict[str, Tensor]):
    """Run torch's module as its documentation says; states as ours are laid out."""
    states = tuple(value.transpose(0, 1).contiguous() for value in start.values())
    hx = states if len(states) > 1 else states[0]
    if lengths is None:
        outputs, ends = net(inputs, hx)
    else:
        packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        outputs, ends = net(packed, hx)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=inputs.shape[1])
    ends = ends if isinstance(ends, tuple) else (ends,)
    return outputs, {name: end.transpose(0, 1) for name, end in zip(start, ends, strict=True)}


def pulled(outputs: Tensor, state: dict[str, Tensor], weights: list[Tensor]) -> Tensor:
    """Return a scalar on which every output and state has a say of its own."""
    values = zip(weights, [outputs, *state.values()], strict=True)
    return torch.stack([(w * v).sum() for w, v in values]).sum()


@pytest.mark.parametrize("fused", [False, True], ids=["loop", "fused"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "padded"])
@pytest.mark.parametrize(("layers", "both"), SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_states_and_gradients_are_torchs(cell, layers, both, lengths, fused) -> None:
    reference = TORCHS[cell](4, 6, layers, bidirectional=both)
    net = Recurrent(cell, 4, 6, layers, bidirectional=both, fused=fused)
    net.load_state_dict(reference.state_dict())
    inputs = torch.randn(5, 7, 4)
    start = {name: torch.randn(5, layers * (1 + both), 6) for name in CELLS[cell].state}
    outcomes = []
    for run in (
        lambda x, s: net(x, lengths, s),
        lambda x, s: by_torch(reference, x, lengths, s),
    ):
        x = inputs.clone().requires_grad_()
        s = {name: value.clone().requires_grad_() for name, value in start.items()}
        outputs, state = run(x, s)
        torch.manual_seed(1)
        weights = [torch.randn(value.shape) for value in (outputs, *state.values())]
        pulled(outputs, state, weights).backward()
        outcomes.append((outputs, state, x.grad, [value.grad for value in s.values()]))
    close(*outcomes)
    gradients = [
        {name: p.grad for name, p in module.named_parameters()} for module in (net, reference)
    ]
    close(*gradients)


@pytest.mark.parametrize("cell", CELLS)
def test_parameters_begin_and_are_called_as_torchs(cell) -> None:
    drawn = []
    for make in (TORCHS[cell], lambda *a, **k: Recurrent(cell, *a, **k, forget_bias=None)):
        torch.manual_seed(3)
        drawn.append(make(3, 5, 2, bidirectional=True).state_dict())
    close(*drawn, atol=0)
    assert list(drawn[0]) == list(drawn[1])


@pytest.mark.parametrize("fused", [False, True])
def test_without_a_state_it_begins_at_0(fused) -> None:
    net = Recurrent("lstm", 3, 4, 2, fused=fused)
    x = torch.randn(2, 5, 3)
    zeros = {name: torch.zeros(2, 2, 4) for name in ("hidden", "cell")}
    close(net(x), net(x, state=zeros), atol=0)


@pytest.mark.parametrize("cell", CELLS)
def test_a_carried_state_goes_on_where_it_was(cell) -> None:
    net = Recurrent(cell, 3, 4, 2)
    x = torch.randn(2, 9, 3)
    whole, end = net(x)
    first, state = net(x[:, :4])
    second, state = net(x[:, 4:], state=state)
    close(torch.cat([first, second], 1), whole)
    close(state, end)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_each_sequence_is_run_as_if_it_were_alone(cell, fused) -> None:
    """Outputs, the last state and `last` of each row equal those of its own steps, unpadded."""
    net = Recurrent(cell, 3, 4, 2, bidirectional=True, fused=fused)
    x = torch.randn(5, 7, 3)
    outputs, state = net(x, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone, end = net(x[row : row + 1, :length])
        close(outputs[row, :length], alone[0])
        assert not outputs[row, length:].any()
        close({name: value[row : row + 1] for name, value in state.items()}, end)
        at_ends = torch.cat([alone[0, -1, :4], alone[0, 0, 4:]])  # forward last, backward first
        close(net.last(state)[row], at_ends)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_what_stands_in_the_padding_is_never_read(cell, fused) -> None:
    """Not even NaN reaches an output, a state or a gradient."""
    net = Recurrent(cell, 3, 4, 2, bidirectional=True, fused=fused)
    x = torch.randn(5, 7, 3)
    padding = torch.arange(7) >= LENGTHS[:, None]
    seen = []
    for content in (0.0, 100.0, math.nan):
        filled = x.masked_fill(padding[:, :, None], content).requires_grad_()
        outputs, state = net(filled, LENGTHS)
        total = outputs.sum() + state["hidden"].sum()
        of_inputs, *gradients = torch.autograd.grad(total, [filled, *net.parameters()])
        seen.append((outputs, state, gradients, of_inputs))
    for other in seen[1:]:
        close(seen[0], other, atol=0)
    assert not seen[0][3][padding].any()


@pytest.mark.parametrize("fused", [False, True])
def test_longer_padding_changes_nothing(fused) -> None:
    net = Recurrent("gru", 3, 4, bidirectional=True, fused=fused)
    x = torch.randn(5, 7, 3)
    longer = torch.cat([x, torch.randn(5, 4, 3)], 1)
    outputs, state = net(x, LENGTHS)
    padded, same = net(longer, LENGTHS)
    close(padded[:, :7], outputs)
    assert padded.shape == (5, 11, 8)
    assert not padded[:, 7:].any()
    close(same, state)


def test_dropout_is_between_layers_and_while_training() -> None:
    net = Recurrent("rnn", 3, 64, 2, dropout=0.5)
    x = torch.randn(4, 6, 3)
    assert not torch.equal(net(x)[0], net(x)[0])
    seen: list[Tensor] = []

    def step(projected: Tensor, recurrent: Tensor, state: dict[str, Tensor]) -> dict[str, Tensor]:
        seen.append(projected)
        return {"hidden": projected}

    net.cell = net.cell._replace(step=step)
    parameters = dict(net.named_parameters())
    parameters["weight_ih_l1"].data = torch.eye(64)
    parameters["bias_ih_l1"].data.zero_()
    outputs, _ = net(x)
    first, second = torch.stack(seen[:6], 1), torch.stack(seen[6:], 1)
    kept = second != 0
    projected = nn.functional.linear(x, parameters["weight_ih_l0"], parameters["bias_ih_l0"])
    close(first, projected)  # nothing is dropped of the inputs
    close(second[kept], 2 * first[kept])  # what is left is scaled by 1 / (1 - 0.5)
    assert 0.4 < kept.float().mean() < 0.6
    assert torch.equal(outputs, second)  # nor of the last layer
    net.eval()
    assert torch.equal(net(x)[0], net(x)[0])


@pytest.mark.parametrize("bias", [1.0, -2.0])
def test_both_biases_of_the_forget_gate_sum_to_what_was_asked(bias) -> None:
    torch.manual_seed(5)
    net = Recurrent("lstm", 3, 4, 2, bidirectional=True, forget_bias=bias)
    torch.manual_seed(5)
    plain = nn.LSTM(3, 4, 2, bidirectional=True)
    forget = slice(4, 8)  # torch: input, forget, cell, output
    for suffix in ("_l0", "_l1", "_l0_reverse", "_l1_reverse"):
        ih, hh = (getattr(net, f"bias_{part}{suffix}") for part in ("ih", "hh"))
        assert torch.equal((ih + hh)[forget], torch.full((4,), bias))
        ours, theirs = ih.detach().clone(), getattr(plain, f"bias_ih{suffix}").detach().clone()
        ours[forget] = theirs[forget] = 0
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_chrono_gates_keep_a_state_for_times_up_to_the_span(cell) -> None:
    """Without inputs or recurrence a state fades as k / (1 + k) a step, for k in [1, span - 1]:
    after about k steps 1/e of it is left (Tallec and Ollivier, 2018)."""
    torch.manual_seed(5)
    net = Recurrent(cell, 2, 1_000, chrono=101)
    for name, parameter in net.named_parameters():
        rows = dict(zip(net.cell.blocks, parameter.data.chunk(len(net.cell.blocks)), strict=True))
        (parameter.data if name.startswith("weight") else rows["candidate"]).zero_()
    state = {name: torch.ones(1, 1, 1_000) for name in net.cell.state}
    _, end = net(torch.zeros(1, 1, 2), state=state)
    biases = (net.get_parameter("bias_ih_l0") + net.get_parameter("bias_hh_l0")).detach()
    gates = dict(zip(net.cell.blocks, biases.chunk(len(net.cell.blocks)), strict=True))
    spans = gates["forget" if cell == "lstm" else "update"].exp()
    assert 1 <= spans.min() < 3
    assert 98 < spans.max() <= 100.01
    assert spans.mean().item() == pytest.approx(50.5, abs=4)  # uniform
    kept = end["cell" if cell == "lstm" else "hidden"][0, 0]
    assert torch.allclose(kept, spans / (1 + spans), atol=1e-6)
    if cell == "lstm":
        assert torch.equal(gates["input"], -gates["forget"])


def test_a_cell_without_gates_has_no_chrono_start() -> None:
    with pytest.raises(ValueError, match="rnn has no gate that could keep its state for 5 steps"):
        Recurrent("rnn", 3, 4, chrono=5)


def test_an_identity_start_hands_the_state_on() -> None:
    """IRNN (Le et al., 2015): without inputs a rectified state stays as it is."""
    net = Recurrent("rnn-relu", 3, 4, 2, identity_init=True)
    state = {"hidden": torch.rand(2, 2, 4)}
    net.get_parameter("weight_ih_l1").data.zero_()
    _, end = net(torch.zeros(2, 50, 3), state=state)
    assert torch.equal(end["hidden"], state["hidden"])


def lstm_by_hand(net: Recurrent, x: list[float], steepness: float) -> tuple[float, float]:
    """Run one unit over numbers by the equations of the paper."""
    w, u, b, c = (p.detach().double().squeeze(-1).tolist() for p in net.parameters())
    h = cell = 0.0
    for value in x:
        pre = [w[k] * value + b[k] + u[k] * h + c[k] for k in range(4)]
        i, f, o = (1 / (1 + math.exp(-steepness * pre[k])) for k in (0, 1, 3))
        cell = f * cell + i * math.tanh(pre[2])
        h = o * math.tanh(cell)
    return h, cell


def gru_by_hand(net: Recurrent, x: list[float], steepness: float) -> tuple[float]:
    w, u, b, c = (p.detach().double().squeeze(-1).tolist() for p in net.parameters())
    h = 0.0
    for value in x:
        r, z = (
            1 / (1 + math.exp(-steepness * (w[k] * value + b[k] + u[k] * h + c[k]))) for k in (0, 1)
        )
        n = math.tanh(w[2] * value + b[2] + r * (u[2] * h + c[2]))
        h = z * h + (1 - z) * n
    return (h,)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("steepness", [1.0, 3.0])
@pytest.mark.parametrize(("cell", "by_hand"), [("lstm", lstm_by_hand), ("gru", gru_by_hand)])
def test_gates_and_their_steepness_are_the_equations(cell, by_hand, steepness, fused) -> None:
    net = Recurrent(cell, 1, 1, gate_steepness=steepness, fused=fused)
    x = [0.3, -1.2, 0.8, 2.0]
    _, state = net(torch.tensor(x)[None, :, None])
    expected = by_hand(net, x, steepness)
    assert [value.item() for value in state.values()] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([3, 0], "sequence 1 of the batch is empty: leave it out"),
        ([8, 2], "sequence 0 of the batch has length 8 of 5"),
        ([3, -1], "sequence 1 of the batch has length -1 of 5"),
    ],
)
def test_impossible_lengths_are_told(lengths, message, fused) -> None:
    net = Recurrent("gru", 3, 4, fused=fused)
    with pytest.raises(ValueError, match=f"^{message}$"):
        net(torch.randn(2, 5, 3), torch.tensor(lengths))


def test_options_that_a_cell_has_not_are_told() -> None:
    with pytest.raises(ValueError, match="no cell 'lsmt'; there is: rnn, rnn-relu, lstm, gru"):
        Recurrent("lsmt", 1, 1)
    with pytest.raises(ValueError, match="gru has gates: only rnn and rnn-relu"):
        Recurrent("gru", 1, 1, identity_init=True)
    with pytest.raises(ValueError, match=r"rnn has no gates whose steepness could be 2\.0"):
        Recurrent("rnn", 1, 1, gate_steepness=2.0)
