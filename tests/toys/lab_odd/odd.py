"""Walk at random, ten samples a step, and stumble where the config says so."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import torch

import lab
from lab_odd import config


class Odd:
    def __init__(self, config: config.Odd, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.where = torch.zeros(1)
        self.ballast = torch.zeros(config.ballast, dtype=torch.uint8)
        self.stumble("init")

    def due(self, trouble: str) -> bool:
        return self.config.trouble == trouble and self.ctx.clock >= self.config.at

    def stumble(self, where: str) -> None:
        if self.due(f"raise-{where}"):
            raise ZeroDivisionError(f"stumbled in {where}\nand fell")

    def step(self) -> int:
        time.sleep(self.config.pause)
        if self.config.place == "noisy":
            print("a noisy place")
        self.stumble("step")
        self.where += torch.randn(1) * self.config.lr
        self.ctx.log("loss", float("nan") if self.due("nan-loss") else self.where)
        return 10

    def evaluate(self, split: str) -> dict[str, float]:
        self.stumble("evaluate")
        return {"score": float("nan") if self.due("nan-eval") else float(self.where)}

    def sample_command(self, options: config.Sample) -> str | lab.Table:
        digits = torch.randint(10, (options.n,), generator=self.ctx.generator).tolist()
        if options.class_ == "table":
            return lab.Table(["digit"], [[digit] for digit in digits])
        return "".join(map(str, digits))

    def play_command(self, options: config.Play) -> str:
        return options.text

    def state_dict(self) -> dict[str, Any]:
        odd: dict[str, Any] = {
            "unpicklable": lambda: None,
            "unplain": {"memory": deque([1])},
        }
        extra = odd.get(self.config.trouble) if self.ctx.clock >= self.config.at else None
        model = {"where": self.where, "ballast": self.ballast}
        return {"model": model} if extra is None else {"model": model, "extra": extra}

    def load_state_dict(self, state: Any) -> None:
        self.where = state["model"]["where"].clone()
