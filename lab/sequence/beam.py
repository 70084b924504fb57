"""Search for the likeliest continuations with a beam.

At each step the beams of a row and their extensions compete. Those of the best `beam_width` that
end with a stop token leave the beam for a list of the best finished ones, and the best that do not
end stay: so nothing finished is extended, or chosen twice.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import torch
from torch import Tensor

from lab.sequence.decoding import Hypothesis, Prompts, check_max_tokens, hypothesis, padded
from lab.sequence.filtering import log_probabilities
from lab.sequence.states import State, Step, device_of, select


@torch.no_grad()
def beam_search(
    step: Step,
    state: State,
    prompts: Prompts,
    *,
    beam_width: int,
    max_tokens: int,
    stop: Collection[int] = (),
    length_penalty: float = 0.0,
) -> list[list[Hypothesis]]:
    """Return for each of B prompts up to `beam_width` continuations, the best first.

    They are ranked by log-probability / lp, lp = ((5 + n) / 6)^length_penalty (Wu et al., 2016,
    equation 14, without coverage), n the number of tokens generated, the stop token among them; the
    prompt counts for nothing. What `max_tokens` cut competes by its score. A row ends when nothing
    that is in its beam could still come among its best, so ending early changes no result.

    A beam of 1 without length penalty is `greedy`, and one of V^(max_tokens - 1) tries everything.
    Between these a wider beam may find less. It does not where no continuation has more than two
    tokens, nor where logits depend on the position alone and nothing stops: there the K best of a
    beam of K are the true K best. Prompts, state and errors are as in `stream`.
    """
    if beam_width < 1 or length_penalty < 0:
        raise ValueError("beam_width is 1 or more, and length_penalty 0 or more")
    check_max_tokens(max_tokens)
    given, lengths = padded(prompts, device_of(state))
    rows = torch.arange(len(given), device=given.device)[:, None]
    state = select(state, rows.flatten().repeat_interleave(beam_width))
    search = _Search(given, beam_width, max_tokens, stop, length_penalty)
    tokens = given[:, :1].expand(-1, beam_width)
    for position in range(1, given.shape[1] + max_tokens):
        logits, state = step(tokens.flatten(), state)
        scores = log_probabilities(logits).view(*tokens.shape, -1)
        parents, tokens = search.advance(scores, position >= lengths)
        if bool(search.done.all()):
            break
        if position < given.shape[1]:
            reading = (position < lengths)[:, None]
            tokens = given[:, position, None].where(reading, tokens)
        state = select(state, (rows * beam_width + parents).flatten())
    return search.best()


class _Ranked(NamedTuple):
    """Continuations of B rows. score, log_probability, length: [B, N]; tokens: [B, N, T]."""

    score: Tensor
    log_probability: Tensor
    length: Tensor
    tokens: Tensor

    def top(self, count: int) -> _Ranked:
        """Return the `count` best of each row, sorted."""
        order = self.score.topk(count).indices
        score, log_probability, length = (value.gather(1, order) for value in self[:3])
        return _Ranked(score, log_probability, length, _gathered(self.tokens, order))

    def joined(self, other: _Ranked) -> _Ranked:
        return _Ranked(*(torch.cat(pair, 1) for pair in zip(self, other, strict=True)))


class _Search:
    """The beams of B rows, K each, and the K best continuations that are finished."""

    def __init__(
        self, given: Tensor, width: int, max_tokens: int, stop: Collection[int], penalty: float
    ) -> None:
        shape, device = (len(given), width), given.device
        self.width, self.max_tokens, self.stop, self.penalty = width, max_tokens, stop, penalty
        self.stops = torch.tensor(sorted(stop), dtype=torch.long, device=device)
        self.done = torch.zeros(len(given), dtype=torch.bool, device=device)
        self.count = torch.zeros(len(given), dtype=torch.long, device=device)  # tokens generated
        self.live = torch.full(shape, -torch.inf, device=device)  # log-probabilities
        self.live[:, 0] = 0  # at first all beams are one
        self.tokens = torch.zeros(*shape, max_tokens, dtype=torch.long, device=device)
        nothing = torch.full(shape, -torch.inf, device=device)
        self.finished = _Ranked(nothing, nothing, self.tokens[..., 0], self.tokens)
        self.longest = self._divisor(torch.tensor(max_tokens, device=device))

    def advance(self, scores: Tensor, reached: Tensor) -> tuple[Tensor, Tensor]:
        """Extend the beams of rows that have `reached` their end of the prompt [B], by the
        log-probabilities [B, K, V] of the next token; return which beams go on, and with which
        tokens [B, K]. In other rows all beams are alike, or done, so any may go on."""
        writing = reached & ~self.done
        self.count = self.count + writing
        total = (self.live[:, :, None] + scores).flatten(1)  # [B, K V]
        self._finish(*self._best(total, scores.shape[-1]), writing, ending=True)

        columns = torch.arange(scores.shape[-1], device=scores.device)
        ends = torch.isin(columns, self.stops).repeat(self.width)
        live, parents, chosen = self._best(total.masked_fill(ends, -torch.inf), scores.shape[-1])
        cut = writing & (self.count >= self.max_tokens)
        self._finish(live, parents, chosen, cut, ending=False)

        self.live = live.where(writing[:, None], self.live)
        self.tokens = self._extended(parents, chosen)
        within_reach = self.live.amax(1) / self.longest
        self.done = self.done | cut | (writing & (self.finished.score[:, -1] >= within_reach))
        return parents, chosen

    def best(self) -> list[list[Hypothesis]]:
        """Return what is finished, by row."""
        columns = (value.tolist() for value in self.finished)
        return [
            [
                hypothesis(tokens[:length], log_probability, score, self.stop)
                for score, log_probability, length, tokens in zip(*row, strict=True)
                if score > -torch.inf
            ]
            for row in zip(*columns, strict=True)
        ]

    def _best(self, total: Tensor, vocabulary: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the log-probabilities of the K best of [B, K V], their beams and their tokens."""
        values, index = total.topk(self.width)
        return values, index // vocabulary, index % vocabulary

    def _finish(
        self, values: Tensor, parents: Tensor, chosen: Tensor, rows: Tensor, *, ending: bool
    ) -> None:
        """Let extensions [B, K] of these rows [B] compete with what is finished; only those that
        end with a stop token, where `ending`."""
        counted = rows[:, None].expand_as(values)
        if ending:
            counted = counted & torch.isin(chosen, self.stops)
        values = values.where(counted, -torch.inf)
        length = self.count[:, None].expand_as(chosen)
        score = values / self._divisor(self.count)[:, None]
        extended = _Ranked(score, values, length, self._extended(parents, chosen))
        self.finished = self.finished.joined(extended).top(self.width)

    def _extended(self, parents: Tensor, chosen: Tensor) -> Tensor:
        """Return the tokens [B, K, T] of extensions."""
        place = (self.count - 1).clamp(min=0)[:, None, None].expand(*chosen.shape, 1)
        return _gathered(self.tokens, parents).scatter(2, place, chosen[..., None])

    def _divisor(self, count: Tensor) -> Tensor:
        """Return the length penalty of `count` tokens."""
        return ((5 + count) / 6) ** self.penalty


def _gathered(tokens: Tensor, order: Tensor) -> Tensor:
    """Return tokens [B, N, T] in the order [B, K] of each row."""
    return tokens.gather(1, order[..., None].expand(-1, -1, tokens.shape[-1]))
