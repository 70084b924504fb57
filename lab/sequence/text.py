"""Generate text: show what is certain as soon as it is, and stop at strings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from torch import Tensor

from lab.sequence.decoding import NOTHING, stream
from lab.sequence.filtering import argmax
from lab.sequence.states import State, Step
from lab.tokenizers.characters import REPLACEMENT
from lab.tokenizers.protocol import Tokenizer


def stream_text(
    step: Step,
    state: State,
    tokenizer: Tokenizer,
    prompts: Sequence[Sequence[int]],
    choose: Callable[[Tensor], Tensor] = argmax,
    *,
    max_tokens: int,
    stop: Collection[str] = (),
) -> Iterator[list[str]]:
    """Yield at each step what every row's text grows by: B pieces, which may be empty.

    A prompt is the ids of its text, after a `bos` where the model learned from such. A row ends
    before `eos`, before a string of `stop`, or after `max_tokens` tokens; with the last row all do.
    Prompts, step, state and `choose` are as in `stream`.
    """
    eos = tokenizer.special.eos
    rows = [TextStream(tokenizer, stop, after=prompt) for prompt in prompts]
    steps = stream(step, state, prompts, choose, max_tokens=max_tokens, stop={eos})
    for chosen in steps:
        tokens = chosen.tokens.tolist()
        yield [row.add(token) for row, token in zip(rows, tokens, strict=True)]
        if all(row.stopped for row in rows):
            return
    yield [row.close() for row in rows]


class TextStream:
    """Turn tokens into text one by one.

    The pieces that `add` and `close` return are together `decode` of all tokens, up to the string
    of `stop` that is complete first. Held back is what may still change: the bytes of a character
    that is not complete, and what may be the beginning of a stop string. stopped: one was found.
    after: the tokens of a text that they go on from, which itself is not returned.
    """

    def __init__(
        self, tokenizer: Tokenizer, stop: Collection[str] = (), after: Sequence[int] = ()
    ) -> None:
        if "" in stop:
            raise ValueError("a stop string has at least one character")
        self.tokenizer, self.stop, self.stopped = tokenizer, tuple(stop), False
        self._ids = list(after)  # those of the last piece, then those that came since
        self._old = len(after)  # how many of them are the last piece's
        self._given = len(tokenizer.decode(after))  # characters of their text that were returned
        self._held = ""

    def add(self, token: int) -> str:
        """Return the text that is certain with one more token. Special ones are no text."""
        if self.stopped or token == NOTHING:
            return ""
        self._ids.append(token)
        return self._released(self._new())

    def close(self) -> str:
        """Return what was held back."""
        if self.stopped:
            return ""
        text = self._released(self._new(certain=False))
        return text if self.stopped else text + self._held

    def _new(self, certain: bool = True) -> str:
        """Return what the new tokens add. They are decoded with those before them: whether there is
        a space between two words depends on both."""
        text = self.tokenizer.decode(self._ids)
        whole = not text.endswith(REPLACEMENT)
        if certain and not whole:  # perhaps the first bytes of a character
            text = text[:-1]
        piece = text[self._given :]
        self._given += len(piece)
        if piece and whole:
            self._ids = self._ids[self._old :]
            self._old, self._given = len(self._ids), len(self.tokenizer.decode(self._ids))
        return piece

    def _released(self, piece: str) -> str:
        """Return what no stop string can begin with any more. It goes by characters, so that the
        text does not depend on where tokens end."""
        for character in piece:
            self._held += character
            found = [stop for stop in self.stop if self._held.endswith(stop)]
            if found:
                self.stopped = True
                return self._held[: -max(map(len, found))]
        keep = max((_overlap(self._held, stop) for stop in self.stop), default=0)
        cut = len(self._held) - keep
        text, self._held = self._held[:cut], self._held[cut:]
        return text


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of a text are the beginning of a stop string."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
