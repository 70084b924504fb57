"""Measure language models: the cost of the lab, the cache, batches of prompts, bits of a character.

    python -m benchmarks.language               all figures (half an hour of CPU time)
    python -m benchmarks.language overhead      nanoGPT's CPU setting beside a bare loop of it
    python -m benchmarks.language equality      the losses of both, on the same windows
    python -m benchmarks.language nanogpt       the same, trained to its end
    python -m benchmarks.language cache         384 tokens, beside reading anew for each
    python -m benchmarks.language prompts       64 prompts at once, beside one by one
    python -m benchmarks.language recurrent     rnn, lstm and gru on 1M characters, beside n-grams
    python -m benchmarks.language chinese       47,111 Chinese phrases, beside a bigram model

Times are CPU seconds of one thread, medians of alternating rounds. Bits are those of the characters
of the test split, of one seed where nothing else is said. Figures go to results/language.json.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch.nn import functional

import lab
from benchmarks.measure import alternate, keep, ratio
from lab.compute.device import Compute
from lab.engine.context import Context
from lab.optim.schedules import START
from lab.plugins import discover
from lab.resolve import resolve
from lab.sequence import NGram
from lab.supervised.language import LanguageTask
from lab_transformer.transformer import Transformer

RESULTS = Path(__file__).parent / "results" / "language.json"
QUIET: dict[str, Any] = {"wandb": "disabled", "media": False, "threads": 1}
Figures = dict[str, Any]


# -- what the lab costs


def experiment(folder: str, seed: int = 0, **options: Any) -> tuple[Transformer, Context]:
    """Return nanoGPT's CPU setting without a runner."""
    plugins = discover()
    spec = plugins.experiment("transformer")
    resolved = resolve(spec, options, preset="stdlib", plugins=plugins)
    settings: Any = resolved.config
    torch.manual_seed(seed)
    ctx = Context(
        seed=seed, budget=resolved.run.budget or settings.budget, dir=Path(folder),
        compute=Compute(torch.device("cpu")), task=resolved.task, objective=resolved.objective,
        sources=plugins.sources(),
    )  # fmt: skip
    return Transformer(settings, ctx), ctx


class Bare:
    """The same model, batches of the same kind, and nothing but torch."""

    def __init__(self, learner: Transformer, seed: int, steps: int) -> None:
        settings: Any = learner.config
        self.net, self.size, self.context = learner.net, settings.batch_size, settings.context
        self.ids = learner.task.part("train").ids  # type: ignore[attr-defined]
        decays: dict[bool, list[Any]] = {True: [], False: []}
        for name, parameter in self.net.named_parameters():
            decays[parameter.dim() > 1 and "embed" not in name].append(parameter)
        groups = [
            {"params": decays[True], "weight_decay": settings.weight_decay},
            {"params": decays[False], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=settings.lr)
        self.generator = torch.Generator().manual_seed(seed)
        self.settings, self.steps, self.done = settings, steps, 0

    def step(self) -> None:
        last = len(self.ids) - self.context
        first = torch.randint(last, (self.size, 1), generator=self.generator)
        places = first + torch.arange(self.context)
        self.learn(self.ids[places], self.ids[places + 1])

    def learn(self, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        """Take one step, and return its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        logits, _ = self.net(inputs)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.done += 1
        return float(loss.detach())

    def rate(self) -> float:
        """A linear rise, then half a cosine to a tenth."""
        done, rise = self.done / self.steps, self.settings.warmup_fraction
        if done < rise:
            return float(self.settings.lr * (START + (1 - START) * done / rise))
        fall = 0.5 * (1 + math.cos(math.pi * (done - rise) / (1 - rise)))
        return float(self.settings.lr * (0.1 + 0.9 * fall))


def overhead(folder: str, rounds: int = 7, steps: int = 20) -> Figures:
    """Return the CPU time of steps of both."""
    learner, ctx = experiment(folder, data_args={"n": 300_000})
    bare = Bare(experiment(folder, data_args={"n": 300_000})[0], 0, 2_000)
    for net in (learner.net, bare.net):
        net.train()

    def own() -> None:
        for _ in range(steps):
            ctx.clock += learner.step()

    def plain() -> None:
        for _ in range(steps):
            bare.step()

    seconds = alternate({"lab": own, "bare": plain}, rounds)
    return {
        "ms a step": {n: 1e3 * statistics.median(s) / steps for n, s in seconds.items()},
        "lab / bare": ratio(seconds["lab"], seconds["bare"]),
        "rounds": rounds,
    }


def equality(folder: str, steps: int = 150) -> Figures:
    """Return how far the losses of both are apart where they begin with the same weights and see
    the same windows; and the losses that both come to, beside that of another seed."""
    learner, ctx = experiment(folder, data_args={"n": 300_000})
    other, other_ctx = experiment(folder, seed=1, data_args={"n": 300_000})
    bare = Bare(experiment(folder, data_args={"n": 300_000})[0], 0, 2_000)
    apart, losses = 0.0, {"lab": 0.0, "bare": 0.0, "another seed": 0.0}
    for net in (learner.net, bare.net, other.net):
        net.train()
    for _ in range(steps):
        batch = learner.task.next()
        losses["bare"] = bare.learn(batch["inputs"], batch["targets"])
        losses["lab"] = float(learner.updater(batch)[0])
        losses["another seed"] = float(other.updater(other.task.next())[0])
        apart = max(apart, abs(losses["lab"] - losses["bare"]))
        ctx.clock += len(batch["inputs"])
        other_ctx.clock = ctx.clock
    return {"steps": steps, "last losses": losses, "losses apart by at most": apart}


def whole(folder: str) -> Figures:
    """Return the figures of nanoGPT's CPU setting, trained to its end."""
    began = time.process_time()
    result = lab.run("transformer", preset="stdlib", runs_dir=folder, **QUIET)
    return {**result.summary["test"], "CPU seconds": time.process_time() - began}


# -- what the cache saves


def cache(folder: str, tokens: int = 384) -> Figures:
    """Return the time of writing by the cache and by reading all anew, of two sizes of nanoGPT."""
    large = {"layers": 6, "heads": 6, "width": 384}
    return {
        "4 layers, 128 wide": kept_or_anew(folder, tokens, rounds=3),
        "6 layers, 384 wide": kept_or_anew(folder, tokens, rounds=1, **large),
    }


def kept_or_anew(folder: str, tokens: int, rounds: int, **options: Any) -> Figures:
    """Return the seconds of both, greedily from the same prompt."""
    settings: dict[str, Any] = {"context": tokens + 64, "data_args": {"n": 20_000}, **options}
    learner, _ = experiment(folder, **settings)
    learner.net.eval()
    task: Any = learner.task
    prompt = task.data.texts("test")[0][:8]
    ids = task.writer(learner.net).ids(prompt)
    written: dict[str, list[int]] = {}

    def kept() -> None:
        (text,) = task.sample(learner.net, prompt=prompt, temperature=0, max_tokens=tokens)
        written["kept"] = task.tokenizer.encode(text)

    @torch.no_grad()
    def anew() -> None:
        seen = list(ids)
        for _ in range(tokens):
            scores = learner.net(torch.tensor([seen]))[0][0, -1]
            scores[:4] = -torch.inf  # what is no text
            seen.append(int(scores.argmax()))
        written["anew"] = seen

    seconds = alternate({"anew": anew, "kept": kept}, rounds)
    return {
        "seconds": {name: statistics.median(values) for name, values in seconds.items()},
        "anew / kept": ratio(seconds["anew"], seconds["kept"]),
        "same tokens": written["kept"] == written["anew"],
        "tokens": tokens,
    }


# -- prompts at once


def prompts(folder: str) -> Figures:
    """Return how many of 64 greedy texts differ at once from one by one, where they first do."""
    found: Figures = {}
    for family in ("transformer", "rnn"):
        run = lab.run(
            family, preset="stdlib", budget=2_400, eval_every=2_400, runs_dir=folder, **QUIET
        ).dir
        model = lab.load(run)
        text = "".join(model.task.data.texts("test"))
        places = np.random.default_rng(0).integers(len(text) - 100, size=64)
        given = [text[place : place + 1 + number % 90] for number, place in enumerate(places)]
        options = {"temperature": 0, "max_tokens": 64}
        began = time.process_time()
        together = model.sample(prompt=given, **options)
        middle = time.process_time()
        alone = [model.sample(prompt=prompt, **options)[0] for prompt in given]
        found[family] = {
            "texts that differ": sum(a != b for a, b in zip(together, alone, strict=True)),
            "seconds at once": middle - began,
            "seconds one by one": time.process_time() - middle,
        }
    return found


# -- recurrent networks, beside counting


def recurrent(folder: str) -> Figures:
    """Return the bits of a character of each cell, and of n-gram models of the same tokens."""
    found: Figures = {}
    for cell in ("rnn", "lstm", "gru"):
        began = time.process_time()
        run = lab.run("rnn", preset="stdlib", cell=cell, ngram=0, runs_dir=folder, **QUIET)
        bits = run.summary["test"]["test/bits_per_character"]
        found[cell] = {"bits": bits, "CPU seconds": time.process_time() - began}
        task: LanguageTask = lab.load(run.dir).task
    return {**found, **counted(task, (2, 5, 7))}


def counted(task: LanguageTask, orders: tuple[int, ...]) -> Figures:
    """Return the bits of a character of n-gram models."""
    train, test = (task.part(split).ids.numpy() for split in ("train", "test"))
    models = {n: NGram.fit(train, n, task.tokenizer.vocab_size) for n in orders}
    return {
        f"{n}-gram": {"bits": float(-model.log_probabilities(test)[1:].mean() / math.log(2))}
        for n, model in models.items()
    }


def chinese(folder: str) -> Figures:
    """Return the bits of a character of Chinese phrases, one a line, in a drawn order."""
    from lab_sources.pypinyin import pypinyin

    data = pypinyin(n=0, unit="syllable", seed=0)
    lines = sorted("".join(data.vocabulary[token] for token in row) for row in data.inputs)
    order = np.random.default_rng(0).permutation(len(lines))
    text = Path(folder) / "phrases.txt"
    text.write_text("\n".join(lines[place] for place in order) + "\n", encoding="utf-8")
    run = lab.run(
        "rnn", preset="none", data=f"text:{text}", cell="gru", hidden_size=256, dropout=0.3,
        batch_size=32, context=32, budget=40_000, eval_every=8_000, lr=3e-3, schedule="one-cycle",
        ngram=2, weight_decay=0.01, runs_dir=folder, **QUIET,
    )  # fmt: skip
    test = run.summary["test"]
    task: LanguageTask = lab.load(run.dir).task
    return {
        "gru": {"bits": test["test/bits_per_character"]},
        **counted(task, (1, 2, 3)),
        "characters": len(text.read_text(encoding="utf-8")),
        "written": lab.sample(run.dir, n=1, max_tokens=40),
    }


PARTS: Mapping[str, Callable[[str], Figures]] = {
    "overhead": overhead,
    "equality": equality,
    "nanogpt": whole,
    "cache": cache,
    "prompts": prompts,
    "recurrent": recurrent,
    "chinese": chinese,
}


@click.command(help=__doc__)
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
def main(parts: tuple[str, ...]) -> None:
    for part in parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            figures = PARTS[part](folder)
        click.echo(json.dumps({part: figures}, indent=2, ensure_ascii=False))
        keep(RESULTS, part, figures)


if __name__ == "__main__":
    main()
