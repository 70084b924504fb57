"""Write text with a language model, and tell how likely texts are to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Protocol
from warnings import warn

import torch
from torch import Tensor

from lab.capabilities import Write
from lab.data.streams import windows
from lab.errors import InputWarning, UsageError
from lab.sequence.beam import beam_search
from lab.sequence.filtering import Sampler, log_probabilities
from lab.sequence.states import State
from lab.sequence.text import TextStream, stream_text
from lab.tokenizers.names import load_tokenizer
from lab.tokenizers.protocol import Tokenizer

ROWS = 64  # texts that are written at a time


class LanguageModel(Protocol):
    """A network that predicts tokens. A text begins with the state that `start` gives."""

    @property
    def context(self) -> int | None:
        """How many tokens it sees at most; None where its state carries all."""

    def start(self, batch: int) -> State:
        """Return the state of `batch` rows before their first token."""

    def __call__(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the logits [B, T, V] of the token after each of tokens [B, T], and the state
        behind them. Without a state, the tokens are the first, and what is returned as the state
        may be empty."""


@dataclass(frozen=True)
class Writer:
    """What a language model writes. one_text: it learned from one long text, in which nothing
    begins or ends; otherwise each text begins after `bos`, and `eos` ends it."""

    model: LanguageModel
    tokenizer: Tokenizer
    one_text: bool
    device: torch.device

    def texts(self, options: Write, generator: torch.Generator) -> Iterator[Iterator[str]]:
        """Yield `n` texts for each prompt, each as its pieces: the prompt, then what is written.
        A single text comes piece by piece while it is written, several come when they are done.

        Raises UsageError where training did not show a character that a prompt holds; of words a
        warning tells.
        """
        prompts = [(prompt, self.ids(prompt)) for prompt in options.prompt or ("",)]
        rows = [row for row in prompts for _ in range(1 if options.beam else options.n)]
        for first in range(0, len(rows), ROWS):
            some = rows[first : first + ROWS]
            words, ids = [word for word, _ in some], [tokens for _, tokens in some]
            if options.beam:
                found = self._searched(ids, options, options.beam)
                pairs = zip(words, found, strict=True)
                yield from (iter((word, text)) for word, texts in pairs for text in texts)
                continue
            steps = self._drawn(ids, options, generator)
            if len(rows) == 1:
                yield chain(words, (piece for (piece,) in steps))
                continue
            whole = ["".join(pieces) for pieces in zip(*steps, strict=True)]
            yield from (iter(pair) for pair in zip(words, whole, strict=True))

    def ids(self, prompt: str) -> list[int]:
        """Return the tokens of a prompt, at least one: after `bos`; of one long text, as a line of
        it begins."""
        special = self.tokenizer.special
        try:
            tokens = self._strict.encode(prompt)
        except UsageError as error:
            raise UsageError(f"the prompt {prompt!r}: {error}") from error
        self._tell_unknown(prompt, tokens)
        if not self.one_text:
            return [special.bos, *tokens]
        line_end = [token for token in self.tokenizer.encode("\n") if token != special.unknown]
        return tokens or line_end or [special.bos]

    def _tell_unknown(self, text: str, tokens: Sequence[int]) -> None:
        """Warn of words that the vocabulary lacks: they are one token, whatever they are."""
        unknown = tokens.count(self.tokenizer.special.unknown)
        if unknown:
            warn(
                f"{unknown:,} of {len(tokens):,} tokens of {text!r} are none that training showed",
                InputWarning,
                stacklevel=2,
            )

    @torch.no_grad()
    def log_probability(self, text: str) -> tuple[float, int]:
        """Return the log-probability of a text in nats, and the number of its tokens. One that
        begins as a line does, unless texts have beginnings of their own.

        Raises UsageError for a text without a token.
        """
        written = self.tokenizer.encode(text)
        if not written:
            raise UsageError(f"the text {text!r} has no {self.tokenizer.name} tokens")
        self._tell_unknown(text, written)
        ids = torch.tensor([*self.ids("")[-1:], *written], device=self.device)
        nats = torch.zeros((), dtype=torch.float64)
        for batch in windows(ids, ROWS, self.model.context or len(ids)):
            logits, _ = self.model(batch["inputs"])
            scores = log_probabilities(logits).gather(-1, batch["targets"][..., None])[..., 0]
            nats += scores[batch["mask"]].cpu().double().sum()
        return float(nats), len(written)

    def _drawn(
        self, ids: Sequence[list[int]], options: Write, generator: torch.Generator
    ) -> Iterator[list[str]]:
        """Yield at each step what the texts grow by."""
        state, rest = self._read(ids)
        sampler = Sampler(generator, options.temperature, options.top_k, options.top_p)
        size, stop = options.max_tokens, options.stop
        yield from stream_text(
            self._step, state, self.tokenizer, rest, sampler, max_tokens=size, stop=stop
        )

    def _searched(self, ids: Sequence[list[int]], options: Write, width: int) -> list[list[str]]:
        """Return the `n` likeliest continuations of each prompt, the best first."""
        state, rest = self._read(ids)
        found = beam_search(
            self._step,
            state,
            rest,
            beam_width=width,
            max_tokens=options.max_tokens,
            stop={self.tokenizer.special.eos},
        )
        return [
            [self._text(best.tokens, prompt, options) for best in row[: options.n]]
            for prompt, row in zip(rest, found, strict=True)
        ]

    def _text(self, tokens: Sequence[int], prompt: Sequence[int], options: Write) -> str:
        text = TextStream(self.tokenizer, options.stop, after=prompt)
        return "".join([*map(text.add, tokens), text.close()])

    @torch.no_grad()
    def _read(self, ids: Sequence[list[int]]) -> tuple[State, list[list[int]]]:
        """Read of all prompts what the shortest has, but its last token, at once; return the state,
        and what is left to read. Of a prompt beyond the context, its end counts."""
        limit = self.model.context or max(map(len, ids))
        kept = [row[-limit:] for row in ids]
        begun = min(map(len, kept)) - 1
        state = self.model.start(len(kept))
        if begun:
            tokens = torch.tensor([row[:begun] for row in kept], device=self.device)
            _, state = self.model(tokens, state)
        return state, [row[begun:] for row in kept]

    def _step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one token [B] a row; what is no text is never written."""
        logits, state = self.model(tokens[:, None], state)
        return logits[:, -1].index_fill(-1, self._unwritten, -torch.inf), state

    @cached_property
    def _unwritten(self) -> Tensor:
        special = self.tokenizer.special
        ids = [special.pad, special.bos, special.unknown, *([special.eos] if self.one_text else [])]
        return torch.tensor(ids, device=self.device)

    @cached_property
    def _strict(self) -> Tokenizer:
        """The tokenizer that refuses unknown characters: nothing was learned of them."""
        return load_tokenizer({**self.tokenizer.to_plain(), "unknown": "refuse"})
