"""Fine-tune all layers of a generative model: the up-down algorithm, a contrastive wake-sleep.

Hinton, Osindero and Teh, "A fast learning algorithm for deep belief nets" (2006), section 5 and
appendix B.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Generator, Tensor

from lab_dbn.config import Config
from lab_dbn.contrastive import Contrastive
from lab_dbn.model import DBN, Recognition
from lab_dbn.rbm import bits_


class UpDown:
    """States are bits, but for the visible ones, which are means as in appendix B."""

    def __init__(self, net: DBN, config: Config, batch: int, generator: Generator) -> None:
        self.net, self.generator = net, generator
        self.top = Contrastive(net.top, config, batch, generator)

    @torch.no_grad()
    def update(self, visible: Tensor, labels: Tensor | None, lr: float, momentum: float) -> Tensor:
        """Train on visible states [B, V], and classes [B, K] where there are any. Returns the
        squared error of the downward prediction of the visible states, by example."""
        awake = self.wake(visible)
        top = awake[-1] if labels is None else torch.cat([awake[-1], labels], 1)
        fantasy = self.top.update(top, lr, momentum).fantasy
        asleep = self.sleep(fantasy[:, : self.net.top.units])
        error = self.learn_down(awake, lr)
        self.learn_up(asleep, lr)
        return error

    def wake(self, visible: Tensor) -> list[Tensor]:
        """Return drawn states of all layers under the top RBM, from the lowest, going up."""
        states = [visible]
        for level in range(len(self.net.recognition)):
            logits = self.net.logits(level, states[-1])
            states.append(bits_(logits.sigmoid_(), self.generator))
        return states

    def sleep(self, fantasy: Tensor) -> list[Tensor]:
        """Return states of the same layers, from the lowest, going down from the top RBM's
        fantasy."""
        states = [fantasy]
        for rbm in reversed(self.net.machines[1:-1]):
            states.append(rbm.draw_visible(states[-1], self.generator))
        states.append(self.net.machines[0].visible_mean(states[-1]))
        return states[::-1]

    def learn_down(self, states: list[Tensor], lr: float) -> Tensor:
        """Let each layer predict the states below it of the wake pass (wake phase)."""
        step, errors = lr / len(states[0]), []
        for rbm, below, above in zip(self.net.machines, states, states[1:], strict=False):
            error = below - rbm.visible_mean(above)
            rbm.weight.addmm_(error.T, above, alpha=step)
            rbm.visible_bias.add_(error.sum(0), alpha=step)
            errors.append(error)
        return errors[0].square().sum() / len(states[0])

    def learn_up(self, states: list[Tensor], lr: float) -> None:
        """Let each layer recognize the states above it of the sleep pass (sleep phase)."""
        step = lr / len(states[0])
        for above, low, high in zip(self.net.recognition, states, states[1:], strict=False):
            assert isinstance(above, Recognition)
            error = high - above(low).sigmoid_()
            above.weight.addmm_(low.T, error, alpha=step)
            above.bias.add_(error.sum(0), alpha=step)

    def state_dict(self) -> dict[str, Any]:
        return self.top.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.top.load_state_dict(state)
