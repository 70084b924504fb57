"""Shape the distribution of the next token, and draw from it: temperature, top-k, top-p."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def filtered(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """Return logits [B, V] divided by the temperature, -inf for tokens that may not be drawn.

    top_k: only the k likeliest tokens (Fan et al., 2018, section 5.1). top_p: of those, the fewest
    likeliest whose probabilities reach p together (Holtzman et al., 2020, section 3.1): at least
    one, and the token that crosses p among them. Of equally likely tokens the first come first.
    """
    logits = logits / temperature
    if top_k is None and top_p is None:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    dropped = torch.zeros_like(ordered, dtype=torch.bool)
    if top_k is not None:
        dropped[..., top_k:] = True
    if top_p is not None and top_p < 1:
        probabilities = ordered.masked_fill(dropped, -torch.inf).softmax(-1)
        dropped |= probabilities.cumsum(-1) - probabilities >= top_p  # reached before this token
        dropped[..., 0] = False  # where rounding says that nothing reached p
    return logits.masked_fill(dropped.scatter(-1, order, dropped), -torch.inf)


def argmax(logits: Tensor) -> Tensor:
    """Return the likeliest tokens [B] of logits [B, V]; the first of equal ones."""
    return logits.argmax(-1)


@dataclass
class Sampler:
    """Draw tokens [B] from logits [B, V] by one uniform number a row and step.

    Temperature 0 is `argmax`. The generator may be the CPU's for logits on an accelerator, so that
    a seed gives the same numbers on each. What is in one row changes nothing in another.
    """

    generator: torch.Generator
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"a temperature is 0 or more, not {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k is 1 or more, not {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is above 0 and at most 1, not {self.top_p}")

    def __call__(self, logits: Tensor) -> Tensor:
        if self.temperature == 0:
            return argmax(logits)
        logits = filtered(at_least_float32(logits), self.temperature, self.top_k, self.top_p)
        heights = logits.softmax(-1).to(_wide(logits.device)).cumsum(-1)
        place = self.generator.device
        uniform = torch.rand(
            len(logits), generator=self.generator, dtype=_wide(place), device=place
        )
        level = uniform.to(heights)[:, None] * heights[:, -1:]
        # the first token whose height is above the level: one of probability 0 is never it
        drawn = torch.searchsorted(heights, level, right=True).squeeze(-1)
        last = (logits > -torch.inf).cumsum(-1).argmax(-1)  # where rounding lifts it to the top
        return torch.minimum(drawn, last)


def log_probabilities(logits: Tensor) -> Tensor:
    """Return log-probabilities [..., V] in nats, in float32 at least."""
    return at_least_float32(logits).log_softmax(-1)


def at_least_float32(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _wide(device: torch.device) -> torch.dtype:
    """Return the widest format of a device: in float32, rare tokens of a large vocabulary would
    come by steps of 2^-24."""
    return torch.float32 if device.type == "mps" else torch.float64
