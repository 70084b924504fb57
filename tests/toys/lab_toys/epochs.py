"""Fit a classifier by epochs over shuffled rows, with dropout drawing from the global generator."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import lab
from lab_toys import config


class Epochs:
    def __init__(self, config: config.Epochs, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.net = ctx.wrap(
            nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 2))
        )
        self.opt = torch.optim.SGD(self.net.parameters(), config.lr, momentum=0.9)
        self.x = torch.randn(1000, 2, generator=torch.Generator().manual_seed(7))
        self.y = (self.x.norm(dim=1) > 1.2).long()
        self.order, self.position = torch.arange(800), 800

    def step(self) -> int:
        if self.position >= len(self.order):  # a new epoch
            self.order, self.position = torch.randperm(800), 0
        rows = self.order[self.position : self.position + self.config.batch_size]
        self.position += len(rows)
        loss = cross_entropy(self.net(self.x[rows]), self.y[rows])
        self.ctx.optimize(self.opt, loss, clip_norm=1.0)
        self.ctx.log("loss", loss)
        return len(rows)

    def evaluate(self, split: str) -> dict[str, float]:
        rows = slice(800, 900) if split == "eval" else slice(900, 1000)
        hits = self.net(self.x[rows]).argmax(1) == self.y[rows]
        return {"accuracy": float(hits.float().mean())}

    def state_dict(self) -> dict[str, Any]:
        state = {"model": self.net.state_dict(), "opt": self.opt.state_dict()}
        return {**state, "order": self.order, "position": self.position}

    def load_state_dict(self, state: Any) -> None:
        self.net.load_state_dict(state["model"])
        if "opt" in state:
            self.opt.load_state_dict(state["opt"])
            self.order, self.position = state["order"].clone(), state["position"]
