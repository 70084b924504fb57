"""Train a stack greedily, each layer on cached features of the frozen ones, then fine-tune it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import lab
from lab_toys import config


def encode(layers: Any, x: Tensor) -> Tensor:
    for up, _ in layers:
        x = torch.sigmoid(up(x))
    return x


def error(layers: Any, x: Tensor) -> Tensor:
    y = encode(layers, x)
    for _, down in reversed(layers):
        y = torch.sigmoid(down(y))
    return (y - x).square().mean()


class DBN:
    def __init__(self, config: config.DBN, ctx: lab.Context) -> None:
        self.ctx, self.updates, self.phase, self.update = ctx, config.updates, 0, 0
        self.data = (torch.arange(256).view(-1, 1) >> torch.arange(8) & 1).float()  # all bytes
        self.features: Tensor | None = None  # follow from the frozen layers, so never saved
        pairs = [nn.ModuleList([nn.Linear(a, b), nn.Linear(b, a)]) for a, b in [(8, 6), (6, 4)]]
        self.net = ctx.wrap(nn.ModuleList(pairs))
        self.opts = [torch.optim.Adam(part.parameters(), 1e-2) for part in (*pairs, self.net)]

    def step(self) -> int:
        if self.phase == 3:
            return 0
        first, last = [(0, 1), (1, 2), (0, 2)][self.phase]  # layer by layer, then the full network
        if self.features is None:
            self.features = encode(self.net[:first], self.data).detach()
        loss = error(self.net[first:last], self.features[torch.randint(256, (64,))])
        self.ctx.optimize(self.opts[self.phase], loss)
        self.ctx.log("loss", loss)
        self.update += 1
        if self.update == self.updates:
            self.phase, self.update, self.features = self.phase + 1, 0, None
        return 64

    def evaluate(self, split: str) -> dict[str, float]:  # no objective while pretraining
        return {} if self.phase < 2 else {"error": float(error(self.net, self.data))}

    def state_dict(self) -> dict[str, Any]:
        opts = [opt.state_dict() for opt in self.opts]
        return {"model": self.net.state_dict(), "opts": opts, "at": [self.phase, self.update]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(state["model"])
        for opt, saved in zip(self.opts, state.get("opts", ()), strict=False):
            opt.load_state_dict(saved)
        self.phase, self.update = state.get("at", (3, 0))  # a model alone is a trained one
