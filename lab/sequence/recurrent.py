"""Run recurrent cells over padded sequences, by a plain loop or by torch's own kernel.

The loop is what `torch.func.vmap` and `torch.compile` take; torch's modules refuse both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lab.sequence.cells import find_cell
from lab.sequence.masks import check_lengths, keep_mask

if TYPE_CHECKING:
    from lab.sequence.cells import State

KERNELS: Mapping[str, Callable[..., Any]] = {
    "RNN_TANH": torch.rnn_tanh,
    "RNN_RELU": torch.rnn_relu,
    "LSTM": torch.lstm,
    "GRU": torch.gru,
}


class Recurrent(nn.RNNBase):
    """Layers of one cell, a name of CELLS, with the parameters of nn.RNN, nn.LSTM or nn.GRU: names,
    layout and draws are the same, so state dicts may be exchanged.

    dropout: on the outputs of all layers but the last, while training.
    forget_bias: sum of the two biases of an LSTM's forget gate at the start, so that it remembers
        (Gers et al., 2000; Jozefowicz et al., 2015); None leaves torch's, about 0.
    chrono: as many steps as there may lie between what is read and its use: each unit of an LSTM or
        a GRU keeps its state for another time up to that, and an LSTM's writes as rarely (Tallec &
        Ollivier, 2018, section 2.2). It takes the place of forget_bias.
    gate_steepness: multiplies what goes into the gates (not the candidates), which nears them to
        switches as it grows.
    identity_init: start from U = 1 and biases 0 (Le et al., 2015, IRNN); of simple cells only.
    fused: run torch's kernel, which is faster, but not under vmap nor in a compiled graph.

    Raises ValueError for another cell, or an option that the cell does not have.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        forget_bias: float | None = 1.0,
        chrono: int | None = None,
        gate_steepness: float = 1.0,
        identity_init: bool = False,
        fused: bool = False,
    ) -> None:
        self.cell = find_cell(cell)
        simple = len(self.cell.blocks) == 1
        if identity_init and not simple:
            raise ValueError(f"{cell} has gates: only rnn and rnn-relu start from the identity")
        if gate_steepness != 1 and simple:
            raise ValueError(f"{cell} has no gates whose steepness could be {gate_steepness}")
        if chrono is not None and simple:
            raise ValueError(f"{cell} has no gate that could keep its state for {chrono} steps")
        super().__init__(
            self.cell.mode,
            input_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout if num_layers > 1 else 0.0,  # torch warns of one that does nothing
            bidirectional=bidirectional,
        )
        self.fused = fused
        self.gate_steepness = gate_steepness
        self.directions = ("", "_reverse") if bidirectional else ("",)
        self._start(forget_bias, chrono, identity_init)

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Return the last layer's outputs [B, T, directions * H], and the state after the sequence.

        inputs: [B, T, input_size], padded at the end. lengths: [B] in 1..T; whatever stands in the
        padding, nothing of it is read, and outputs there are 0. state: "hidden" and, of an LSTM,
        "cell", each [B, layers * directions, H] in torch's order; 0 where none is given. The state
        returned is the one after each sequence's own last step, and backward after its first.

        Raises ValueError for a length outside of 1..T, where looking is free (`check_lengths`).
        """
        state = self.zero_state(inputs.shape[0]) if state is None else state
        if lengths is None:
            return self._fused(inputs, state) if self.fused else self._loop(inputs, None, state)
        check_lengths(lengths, inputs.shape[1])
        keep = keep_mask(lengths, inputs.shape[1])[:, :, None]
        inputs = inputs.masked_fill(~keep, 0.0)  # 0 times NaN would be NaN in the gradients
        if self.fused:
            return self._fused_packed(inputs, lengths, state)
        return self._loop(inputs, keep, state)

    def zero_state(self, batch: int) -> State:
        """Return the state that knows nothing, of `batch` rows."""
        shape = batch, self.num_layers * len(self.directions), self.hidden_size
        like = next(self.parameters())  # of full precision where autocast halves the inputs
        return {name: like.new_zeros(shape) for name in self.cell.state}

    def last(self, state: State) -> Tensor:
        """Return what the last layer knows after the whole sequence, [B, directions * H]: of each
        direction the hidden state where it ends, which for the backward one is the first step."""
        return state["hidden"][:, -len(self.directions) :].flatten(1)

    def _loop(self, inputs: Tensor, keep: Tensor | None, state: State) -> tuple[Tensor, State]:
        ends: list[State] = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                inputs = functional.dropout(inputs, self.dropout, self.training)
            outputs = []
            for direction in self.directions:
                start = {name: value[:, len(ends)] for name, value in state.items()}
                weights = self._weights(f"_l{layer}{direction}")
                output, end = self._pass(inputs, keep, start, weights, bool(direction))
                outputs.append(output)
                ends.append(end)
            inputs = torch.cat(outputs, -1)
        if keep is not None:
            inputs = inputs.masked_fill(~keep, 0.0)
        return inputs, {name: torch.stack([end[name] for end in ends], 1) for name in state}

    def _pass(
        self,
        inputs: Tensor,
        keep: Tensor | None,
        state: State,
        weights: Sequence[Tensor],
        backward: bool,
    ) -> tuple[Tensor, State]:
        """Run one layer in one direction: outputs [B, T, H], and the state [B, H] at the end.

        Over padding the state stays as it is, so that a backward pass begins at the last step.
        """
        weight_ih, weight_hh, bias_ih, bias_hh = weights
        projected = functional.linear(inputs, weight_ih, bias_ih).unbind(1)  # one GEMM for all
        steps = range(len(projected))
        outputs = [state["hidden"]] * len(projected)
        for t in reversed(steps) if backward else steps:
            recurrent = functional.linear(state["hidden"], weight_hh, bias_hh)
            after = self.cell.step(projected[t], recurrent, state)
            if keep is not None:
                after = {name: after[name].where(keep[:, t], state[name]) for name in after}
            state = after
            outputs[t] = state["hidden"]
        return torch.stack(outputs, 1), state

    def _fused(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Run torch's kernel over sequences of one length."""
        outputs, *ends = self._kernel(inputs, self._torch_state(state, inputs), batch_first=(True,))
        return outputs, self._own_state(ends)

    def _fused_packed(self, inputs: Tensor, lengths: Tensor, state: State) -> tuple[Tensor, State]:
        """Run torch's kernel over packed sequences, which it wants sorted by length."""
        packed = pack_padded_sequence(inputs, lengths.cpu(), True, enforce_sorted=False)
        data, sizes, order, back = packed
        assert order is not None
        assert back is not None
        start = [value.index_select(1, order) for value in self._torch_state(state, inputs)]
        data, *ends = self._kernel(data, start, batch_sizes=(sizes,))
        packed = PackedSequence(data, sizes, order, back)
        outputs, _ = pad_packed_sequence(packed, True, total_length=inputs.shape[1])
        return outputs, self._own_state([value.index_select(1, back) for value in ends])

    def _kernel(
        self,
        inputs: Tensor,
        state: Sequence[Tensor],
        batch_sizes: tuple[Tensor, ...] = (),
        batch_first: tuple[bool, ...] = (),
    ) -> Any:
        layers, directions = range(self.num_layers), self.directions
        weights = [
            w for layer in layers for d in directions for w in self._weights(f"_l{layer}{d}")
        ]
        how = (True, self.num_layers, self.dropout, self.training, self.bidirectional)
        start = state if len(state) > 1 else state[0]
        return KERNELS[self.mode](inputs, *batch_sizes, start, weights, *how, *batch_first)

    def _torch_state(self, state: State, inputs: Tensor) -> list[Tensor]:
        mine = [state[name].transpose(0, 1).contiguous() for name in self.cell.state]
        return [value.to(inputs.dtype) for value in mine]

    def _own_state(self, ends: Sequence[Tensor]) -> State:
        return {name: end.transpose(0, 1) for name, end in zip(self.cell.state, ends, strict=True)}

    def _weights(self, suffix: str) -> list[Tensor]:
        """Return the parameters of one layer and direction, as torch orders them.

        A gate is linear in its rows, so that its steepness is theirs: nothing is paid at each step.
        """
        parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights: list[Tensor] = [getattr(self, part + suffix) for part in parts]
        if self.gate_steepness == 1:
            return weights
        return [
            torch.cat(
                [
                    rows if block == "candidate" else rows * self.gate_steepness
                    for block, rows in zip(
                        self.cell.blocks, weight.chunk(len(self.cell.blocks)), strict=True
                    )
                ]
            )
            for weight in weights
        ]

    @torch.no_grad()
    def _start(self, forget_bias: float | None, chrono: int | None, identity: bool) -> None:
        for name, parameter in self.named_parameters():
            if identity and name.startswith("weight_hh"):
                nn.init.eye_(parameter)
            elif identity and name.startswith("bias"):
                parameter.zero_()
            elif name.startswith("bias"):
                rows = parameter.chunk(len(self.cell.blocks))
                biases = dict(zip(self.cell.blocks, rows, strict=True))
                self._start_gates(biases, forget_bias, chrono, float(name.startswith("bias_ih")))

    def _start_gates(
        self,
        biases: Mapping[str, Tensor],
        forget_bias: float | None,
        chrono: int | None,
        summand: float,
    ) -> None:
        """Set the biases [H] of the gates that keep a state and write to it. Torch adds two of
        each: the `summand` of one is all of it, 1, that of the other 0."""
        if chrono is not None:
            kept = biases[self.cell.keeps]
            kept.uniform_(1, chrono - 1).log_().mul_(summand)
            if self.cell.writes:
                biases[self.cell.writes].copy_(-kept)
        elif forget_bias is not None and "forget" in biases:
            biases["forget"].fill_(forget_bias * summand)
