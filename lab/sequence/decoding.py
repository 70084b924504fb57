"""Generate token by token from a step function: greedily, by sampling, all at once or streaming."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lab.sequence.filtering import Sampler, argmax, log_probabilities
from lab.sequence.states import State, Step, device_of

NOTHING = -1  # in `Chosen.tokens`: the row reads its prompt still, or has ended
Prompts = Sequence[Sequence[int]] | Sequence[Tensor] | Tensor


class Chosen(NamedTuple):
    """What one step chose: tokens [B], `NOTHING` for a row without one, and their log-probabilities
    [B] in nats under the model itself, whatever filter they were drawn through."""

    tokens: Tensor
    log_probabilities: Tensor


class Hypothesis(NamedTuple):
    """What was generated after a prompt.

    tokens: without the stop token. log_probability: of all of it, the stop token included, in nats
    under the model. score: the same, divided by the length penalty where there is one. ended: a
    stop token ended it, rather than `max_tokens`.
    """

    tokens: list[int]
    log_probability: float
    score: float
    ended: bool


@torch.no_grad()
def stream(
    step: Step,
    state: State,
    prompts: Prompts,
    choose: Callable[[Tensor], Tensor] = argmax,
    *,
    max_tokens: int,
    stop: Collection[int] = (),
) -> Iterator[Chosen]:
    """Yield what each step chooses, until each row has a token of `stop`, or `max_tokens` tokens.

    prompts: B rows of token ids, of any lengths from 1 on. All rows are read from their first token
    in step, and one goes on by itself as soon as its prompt is read: nothing is padded, so a row
    comes out as it would alone. Whoever reads prompts at once (a transformer) does so first, and
    gives the state after them with the last token of each. state: of all rows, before the prompts;
    tokens are on its device, or on the CPU where it is empty. `choose` gets logits [B, V]. Raises
    ValueError for an empty prompt, and for fewer tokens than 1.
    """
    given, lengths = padded(prompts, device_of(state))
    check_max_tokens(max_tokens)
    shortest = int(lengths.min())
    stops = torch.tensor(sorted(stop), dtype=torch.long, device=given.device)
    tokens, done = given[:, 0], torch.zeros_like(lengths, dtype=torch.bool)
    for position in range(1, given.shape[1] + max_tokens):
        logits, state = step(tokens, state)
        chosen = choose(logits)
        writing = (position >= lengths) & ~done
        scores = log_probabilities(logits).gather(-1, chosen[:, None]).squeeze(-1)
        if position >= shortest:
            yield Chosen(chosen.where(writing, NOTHING), scores.where(writing, 0))
        done = done | (writing & torch.isin(chosen, stops))
        done = done | (position - lengths + 1 >= max_tokens)
        if bool(done.all()):
            return
        tokens = chosen
        if position < given.shape[1]:
            tokens = given[:, position].where(position < lengths, chosen)


def greedy(
    step: Step, state: State, prompts: Prompts, *, max_tokens: int, stop: Collection[int] = ()
) -> list[Hypothesis]:
    """Return for each of B prompts what always choosing the likeliest token gives; see `stream`."""
    return _collected(stream(step, state, prompts, max_tokens=max_tokens, stop=stop), stop)


def sample(
    step: Step,
    state: State,
    prompts: Prompts,
    *,
    generator: torch.Generator,
    max_tokens: int,
    stop: Collection[int] = (),
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> list[Hypothesis]:
    """Return for each of B prompts a continuation drawn from the model; see `stream`, `filtered`.

    Temperature 0 is `greedy`. Raises ValueError for values that are none.
    """
    sampler = Sampler(generator, temperature, top_k, top_p)
    steps = stream(step, state, prompts, sampler, max_tokens=max_tokens, stop=stop)
    return _collected(steps, stop)


def padded(prompts: Prompts, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return prompts as [B, T], filled up with 0, and their lengths [B]. Raises ValueError where
    there is none, or an empty one."""
    rows = [torch.as_tensor(prompt, dtype=torch.long) for prompt in prompts]
    if not rows or not all(map(len, rows)):
        raise ValueError("a prompt holds at least one token: give the start of a text its `bos`")
    lengths = torch.tensor([len(row) for row in rows])
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return tokens.to(device), lengths.to(device)


def check_max_tokens(max_tokens: int) -> None:
    if max_tokens < 1:
        raise ValueError(f"max_tokens is 1 or more, not {max_tokens}")


def _collected(steps: Iterable[Chosen], stop: Collection[int]) -> list[Hypothesis]:
    """Gather what all steps chose, by row: one transfer from the device."""
    chosen = list(steps)
    tokens = torch.stack([one.tokens for one in chosen], 1).tolist()
    scores = torch.stack([one.log_probabilities for one in chosen], 1).double().sum(1).tolist()
    return [
        hypothesis([token for token in row if token != NOTHING], score, score, stop)
        for row, score in zip(tokens, scores, strict=True)
    ]


def hypothesis(
    tokens: list[int], log_probability: float, score: float, stop: Collection[int]
) -> Hypothesis:
    """Return a hypothesis of tokens whose last one may be a stop token."""
    ended = bool(tokens) and tokens[-1] in stop
    return Hypothesis(tokens[:-1] if ended else tokens, log_probability, score, ended)
