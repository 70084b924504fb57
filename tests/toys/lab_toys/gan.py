"""Play the two-player game of Goodfellow et al. (2014) on a shifted Gaussian."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import softplus

import lab
from lab_toys import config


class GAN:
    def __init__(self, config: config.GAN, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.g = ctx.wrap(nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2)))
        self.d = ctx.wrap(nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1)))
        self.g_opt = torch.optim.Adam(self.g.parameters(), 1e-3)
        self.d_opt = torch.optim.Adam(self.d.parameters(), 1e-3)

    def step(self) -> int:
        n = self.config.batch_size
        for _ in range(self.config.n_critic):
            real = 3.0 + torch.randn(n, 2)
            with torch.no_grad():
                fake = self.g(torch.randn(n, 2))
            d_loss = softplus(-self.d(real)).mean() + softplus(self.d(fake)).mean()
            self.ctx.optimize(self.d_opt, d_loss)
        g_loss = softplus(-self.d(self.g(torch.randn(n, 2)))).mean()
        self.ctx.optimize(self.g_opt, g_loss)
        self.ctx.log("d_loss", d_loss)
        self.ctx.log("g_loss", g_loss)
        return n * self.config.n_critic

    def evaluate(self, split: str) -> dict[str, float]:
        return {"distance": float((self.g(torch.randn(512, 2)).mean(0) - 3.0).norm())}

    def state_dict(self) -> dict[str, Any]:
        parts = {"model": self.g, "critic": self.d, "g_opt": self.g_opt, "d_opt": self.d_opt}
        return {name: part.state_dict() for name, part in parts.items()}

    def load_state_dict(self, state: Any) -> None:
        parts = {"model": self.g, "critic": self.d, "g_opt": self.g_opt, "d_opt": self.d_opt}
        for name in state:
            parts[name].load_state_dict(state[name])
