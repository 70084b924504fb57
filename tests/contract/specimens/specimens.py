"""One honest experiment, and one for each way to break a promise of the contract."""

from __future__ import annotations

import ctypes
import os
import random
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from pydantic import Field, model_validator
from safetensors.torch import save_file

import lab
from lab.capabilities import Export, Predict, Sample
from lab.data.batches import ShuffledBatches

METRICS = {
    "train/loss": "squared error with noise",
    "eval/error": "squared error without",
    "test/error": "the same, once",
}
MODULE = "specimens"
KEPT: list[Any] = []  # what broken specimens hide from the runner


class Config(lab.Config):
    lr: float = Field(0.2, gt=0, description="Learning rate.")
    sizes: tuple[int, ...] = Field((1,), description="Units of the layers.")
    noise: float | None = Field(0.1, ge=0, description="Standard deviation of the noise, or none.")
    wide: bool = Field(False, description="Draw inputs from a wider range.")

    @property
    def objective(self) -> tuple[str, str]:
        return ("eval/error", "min")

    @property
    def target(self) -> str:
        return "line"

    @property
    def budget(self) -> int:
        return 10_000


class Honest:
    """Fit a line to noisy points; keeps every promise."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.net = ctx.wrap(torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Dropout(0.1)))
        self.optimizer = torch.optim.SGD(self.net.parameters(), config.lr, momentum=0.5)
        self.steps = 0

    def draw(self) -> torch.Tensor:
        return torch.from_numpy(self.ctx.rng.random((8, 1), dtype=np.float32))

    def step(self) -> int:
        x = self.draw()
        y = 2 * x - 1 + (self.config.noise or 0.0) * torch.randn_like(x)
        loss = (self.net(x) - y).square().mean()
        self.ctx.optimize(self.optimizer, loss)
        self.ctx.log("loss", loss)
        self.steps += 1
        return len(x)

    def evaluate(self, split: str) -> Mapping[str, float]:
        x = torch.linspace(0, 1, 20)[:, None]
        return {"error": float((self.net(x) - (2 * x - 1)).square().mean())}

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["model"])
        if "optimizer" in state:
            copied = {k: v for k, v in state["optimizer"].items() if k != "state"}
            moments = {i: _cloned(m) for i, m in state["optimizer"]["state"].items()}
            self.optimizer.load_state_dict({**copied, "state": moments})
            self.steps = state["steps"]

    @torch.no_grad()
    def predict(self, inputs: np.ndarray) -> np.ndarray:
        outputs: torch.Tensor = self.net(torch.as_tensor(inputs, dtype=torch.float32))
        return outputs.numpy()

    def example(self, number: int) -> np.ndarray:
        return np.linspace(0, 1, number, dtype=np.float32)[:, None]

    def play_command(self, options: lab.Play) -> Any:
        return "a line"


def _cloned(moments: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in moments.items()}


SPEC = lab.ExperimentSpec(
    name="honest",
    summary="Fit a line to noisy points",
    config=f"{MODULE}:Config",
    experiment=f"{MODULE}:Honest",
    presets={"tiny": {"budget": 160, "eval_every": 40, "lr": 0.3}},
    metrics=METRICS,
    capabilities={"play": "lab:Play"},
)
OFFERED = [SPEC]
BREAKS: list[tuple[str, str, str]] = []  # check, name of the specimen, a word of the message


def breaks(check: str, message: str, **changes: Any) -> Any:
    """Offer a class as an experiment that must fail `check` with a message that has `message`."""

    def offer(kind: type) -> type:
        name = f"{check.replace('_', '-')}-{sum(c == check for c, _, _ in BREAKS) + 1}"
        role = "config" if issubclass(kind, lab.Config) else "experiment"
        spec = {role: f"{MODULE}:{kind.__name__}", **changes}
        OFFERED.append(replace(SPEC, name=name, **spec))
        BREAKS.append((check, name, message))
        return kind

    return offer


def offers(name: str, **changes: Any) -> Any:
    """Offer a class as the experiment `name`, which a test of its own looks at."""

    def offer(kind: type) -> type:
        role = "config" if issubclass(kind, lab.Config) else "experiment"
        spec = {role: f"{MODULE}:{kind.__name__}", **changes}
        OFFERED.append(replace(SPEC, name=name, **spec))
        return kind

    return offer


@lab.hookimpl
def lab_experiments() -> Iterator[lab.ExperimentSpec]:
    yield from OFFERED


# -- what a spec declares


@breaks("defaults_are_valid", "the default of --lr, -1, is refused by its own range")
class BadDefault(Config):
    lr: float = Field(-1, gt=0, description="Learning rate.")


@breaks("defaults_are_valid", "the default of --lr, fast, is refused by its own type")
class DefaultOfAnotherType(Config):
    lr: float = Field("fast", gt=0, description="Learning rate.")  # type: ignore[assignment]


@breaks("defaults_are_valid", "--power has no default")
class NoDefault(Config):
    power: float = Field(gt=0, description="Of the points.")


@breaks("defaults_are_valid", "the defaults do not go together")
class DefaultsThatExclude(Config):
    @model_validator(mode="after")
    def _narrow(self) -> Any:
        if not self.wide:
            raise ValueError("--no-wide is not possible")
        return self


@breaks("spec_is_complete", "has no preset 'tiny'", presets={})
class NoPreset(Honest): ...


@breaks("spec_is_complete", "150 characters", summary="x" * 150)
class LongSummary(Honest): ...


@breaks("spec_is_complete", "'loss' is not", metrics={"loss": "no section"})
class BadMetric(Honest): ...


@breaks("spec_is_complete", "'eval/*' is not", metrics={"eval/*": "anything"})
class DeclaresAnything(Honest): ...


@breaks("spec_is_complete", "'eval/*_0' is not", metrics={"eval/*_0": "a star within"})
class StarWithin(Honest): ...


@breaks("spec_is_complete", "no method 'load_state_dict'")
class NoLoad:
    __init__, step, evaluate = Honest.__init__, Honest.step, Honest.evaluate
    state_dict = Honest.state_dict


@breaks("spec_is_complete", "never at test figures")
class SelectsOnTest(Config):
    @property
    def objective(self) -> tuple[str, str]:
        return ("test/error", "min")


@breaks("options_are_described", "'lr' has no description")
class Undescribed(Config):
    lr: float = Field(0.2, gt=0)


@breaks("options_are_described", "number without a range")
class Unranged(Config):
    lr: float = Field(0.2, description="Learning rate.")


@breaks("options_are_described", "type Any")
class Untyped(Config):
    anything: Any = Field(None, description="Checks nothing.")


@breaks("options_survive_files", "another one after JSON")
class Forgetful(Config):
    def model_dump_json(self, **options: Any) -> str:
        return Config(lr=0.7).model_dump_json(**options)


@breaks("options_can_be_given_as_words", "is refused")
class Nested(Config):
    pairs: tuple[tuple[int, int], ...] = Field(((1, 2),), description="Pairs of numbers.")
    noise: float | None = Field(0.1, ge=0, description="Standard deviation of the noise.")


@breaks("options_can_be_given_as_words", "sets 'label' to 'A'")
class Shouting(Config):
    label: str = Field("a", description="Anything.")

    def __init__(self, **values: Any) -> None:
        super().__init__(**{k: v.upper() if k == "label" else v for k, v in values.items()})


@breaks("bad_values_are_plain_errors", "is accepted")
class Lenient(Config):
    depth: int | str = Field(3, ge=1, description="Number of layers.")
    mode: float = Field(0.0, ge=0, description="Read as anything.")

    def __init__(self, **values: Any) -> None:
        super().__init__(**{**values, "mode": 0.0})


@breaks("presets_are_valid", "'odd' is not valid", presets={**SPEC.presets, "odd": {"lr": -1}})
class BadPreset(Honest): ...


@breaks(
    "capabilities_are_there", "has no method sample_command", capabilities={"sample": "lab:Play"}
)
class NoSample(Honest): ...


@breaks("capabilities_are_there", "cannot be imported", capabilities={"play": "lab:Nothing"})
class NoOptions(Honest): ...


@breaks("capabilities_are_there", "no `lab dream`", capabilities={"dream": "lab:Play"})
class Dreams(Honest):
    def dream_command(self, options: lab.Play) -> Any:
        return "a dream"


class Demanding(lab.Options):
    word: str = Field(description="What to say.")


@breaks(
    "capabilities_are_there",
    "`lab play` cannot be asked for without options: --word has no default",
    capabilities={"play": f"{MODULE}:Demanding"},
)
class PlaysOnDemand(Honest): ...


# -- learning


@breaks("tiny_finishes_within_seconds", "'interrupted'")
class Interrupts(Honest):
    def step(self) -> int:
        if self.ctx.clock == 80:
            raise KeyboardInterrupt
        return super().step()


@breaks("tiny_improves_its_objective", "learns nothing")
class Idle(Honest):
    def step(self) -> int:
        self.ctx.log("loss", 1.0)
        return 8


@breaks("tiny_improves_its_objective", "points the wrong way")
class Upwards(Config):
    @property
    def objective(self) -> tuple[str, str]:
        return ("eval/error", "max")


@breaks("same_seed_same_metrics", "differ")
class Unrepeatable(Honest):
    def draw(self) -> torch.Tensor:
        return super().draw() + time.time_ns() % 1_000 * 1e-6


@breaks("another_seed_other_metrics", "Seeds 0 and 1")
class Deaf(Honest):
    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        with torch.no_grad():
            for parameter in self.net.parameters():
                parameter.fill_(0.1)
        self.net[1].p = 0.0

    def step(self) -> int:
        x = torch.linspace(0, 1, 8)[:, None]
        loss = (self.net(x) - (2 * x - 1)).square().mean()
        self.ctx.optimize(self.optimizer, loss)
        return 8


@breaks("seeds_differ_from_the_start", "begin with the same weights")
class BeginsAlike(Honest):
    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in self.net.parameters():
                parameter.uniform_(-1, 1, generator=generator)


@breaks("nothing_is_seeded", "numpy.random.seed")
class Seeds(Honest):
    def step(self) -> int:
        np.random.seed(0)  # noqa: NPY002
        return super().step()


@breaks("nothing_is_seeded", "torch.manual_seed (specimens.py")
class SeedsAtTheStart(Honest):
    def __init__(self, config: Config, ctx: lab.Context) -> None:
        torch.manual_seed(ctx.seed)
        super().__init__(config, ctx)


@breaks("nothing_is_seeded", "torch.random.manual_seed")
class SeedsInEvaluate(Honest):
    def evaluate(self, split: str) -> Mapping[str, float]:
        torch.random.manual_seed(0)
        return super().evaluate(split)


@breaks("nothing_is_seeded", "torch.cuda.manual_seed_all")
class SeedsAccelerators(Honest):
    def predict(self, inputs: np.ndarray) -> np.ndarray:
        torch.cuda.manual_seed_all(0)
        return super().predict(inputs)


@breaks("nothing_is_seeded", "random.seed")
class SeedsToPlay(Honest):
    def play_command(self, options: lab.Play) -> Any:
        random.seed(0)
        return super().play_command(options)


@breaks("randomness_is_the_runners", "global generator of `random`")
class DrawsFromPython(Honest):
    def draw(self) -> torch.Tensor:
        return super().draw() + 0.01 * random.random()


@breaks("randomness_is_the_runners", "global generator of `numpy.random`")
class DrawsFromNumpy(Honest):
    def draw(self) -> torch.Tensor:
        return super().draw() + 0.01 * np.random.random()  # noqa: NPY002


@breaks("cadences_change_nothing", "other times")
class CountsEvaluations(Honest):
    def evaluate(self, split: str) -> Mapping[str, float]:
        self.optimizer.param_groups[0]["lr"] *= 0.9
        return super().evaluate(split)


@breaks("metrics_are_declared_numbers", "not among the spec's metrics")
class Undeclared(Honest):
    def step(self) -> int:
        self.ctx.log("surprise", 1.0)
        return super().step()


@breaks(
    "metrics_are_declared_numbers",
    "'train/surprise' is logged",
    metrics={**METRICS, "train/surprising_*": "too long", "eval/surp*": "another split"},
)
class DeclaredOtherwise(Undeclared): ...


@breaks("metrics_are_declared_numbers", "lower case")
class BadlyNamed(Honest):
    def step(self) -> int:
        self.ctx.log("Loss Value", 1.0)
        return super().step()


@breaks("clock_is_kept", "whole numbers")
class Fractions(Honest):
    def step(self) -> Any:
        return float(super().step())


@breaks("clock_is_kept", "step returned -1")
class Backwards(Honest):
    def step(self) -> int:
        return -1


@breaks("clock_is_kept", "step returned None")
class SaysNothing(Honest):
    def step(self) -> Any:
        super().step()


# -- resuming


@breaks("killed_and_resumed_is_the_same", "ended otherwise")
class ForgetsMomentum(Honest):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["model"])


@breaks("killed_and_resumed_is_the_same", "ended otherwise")
class RemembersInTheProcess(Honest):
    """What a module keeps survives in one process, and dies with it."""

    def step(self) -> int:
        KEPT.append(self.steps)
        self.optimizer.param_groups[0]["lr"] = 0.3 if len(KEPT) < 15 else 0.1
        return super().step()

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        KEPT.clear()


@breaks("checkpoints_are_plain", "has no 'model'")
class NoModel(Honest):
    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.net.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["weights"])


@breaks("checkpoints_are_plain", "plain data only")
class SavesArrays(Honest):
    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "array": np.zeros(3)}


@breaks("state_dict_changes_nothing", "differs from one without it")
class SavingCosts(Honest):
    def state_dict(self) -> dict[str, Any]:
        torch.rand(1)
        return super().state_dict()


@breaks("state_dict_changes_nothing", "changes what it returns")
class CountsSaves(Honest):
    saves = 0

    def state_dict(self) -> dict[str, Any]:
        self.saves += 1
        return {**super().state_dict(), "saves": self.saves}


@breaks("loading_copies", "Training changes the state that was loaded")
class LoadsByReference(Honest):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])


@breaks("loading_copies", "not what state_dict gives")
class LoadsLess(Honest):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict({**state, "steps": 0})


@breaks("every_part_of_the_state_is_needed", "The state holds 'clock', which nothing needs")
class HoldsTheClock(Honest):
    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "clock": self.ctx.clock}


@breaks("every_part_of_the_state_is_needed", "The state holds 'notes/clock'")
class HoldsTheClockWithin(Honest):
    def state_dict(self) -> dict[str, Any]:
        notes = {"clock": self.ctx.clock, "lr": self.config.lr}
        return {**super().state_dict(), "notes": notes}


@breaks("every_part_of_the_state_is_needed", "without the rng that the runner keeps")
class BringsItsOwnRandomness(Honest):
    """Resumes exactly, and in the place of the randomness that the runner restores."""

    begun: Any = None

    def step(self) -> int:
        if self.begun is not None:
            torch.set_rng_state(self.begun)
            self.begun = None
        return super().step()

    def draw(self) -> torch.Tensor:
        return torch.rand(8, 1)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "torch": torch.get_rng_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        if "torch" in state:
            self.begun = state["torch"].clone()


@breaks("model_alone_serves", "kept elsewhere")
class ModelIsNotAll(Honest):
    def evaluate(self, split: str) -> Mapping[str, float]:
        return {"error": super().evaluate(split)["error"] + 1.0 / (1 + self.steps)}


@breaks("devices_are_exchangeable", "only where it began")
class StaysHere(Honest):
    def step(self) -> int:
        if str(self.ctx.device) != "cpu":
            raise RuntimeError("only where it began")
        return super().step()


@breaks("tensors_are_on_the_device", "did not go through ctx.wrap")
class Unwrapped(Honest):
    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        self.unwrapped = torch.nn.Linear(1, 1)


@breaks("tensors_are_on_the_device", "is on meta")
class Elsewhere(Honest):
    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        self.net.register_buffer("far", torch.zeros(1, device="meta"), persistent=False)


# -- evaluating


@breaks("evaluation_leaves_no_trace", "changes what training goes on with")
class EvaluationCounts(Honest):
    def evaluate(self, split: str) -> Mapping[str, float]:
        self.steps += 1
        return super().evaluate(split)


@breaks("evaluation_leaves_no_trace", "changes what training goes on with")
class EvaluationMovesTheClock(Honest):
    def evaluate(self, split: str) -> Mapping[str, float]:
        self.ctx.clock += 1
        return super().evaluate(split)


@breaks("evaluation_repeats_itself", "twice")
class EvaluationDrifts(Honest):
    calls = 0

    def evaluate(self, split: str) -> Mapping[str, float]:
        self.calls += 1
        return {"error": super().evaluate(split)["error"] + self.calls}


@breaks("evaluation_names_the_objective", "is not among")
class NamesItOtherwise(Honest):
    def evaluate(self, split: str) -> Mapping[str, float]:
        return {"mistake": super().evaluate(split)["error"]}


@breaks("test_comes_from_evaluate", "0 rows")
class NoTest(Honest):
    def evaluate(self, split: str) -> Mapping[str, float]:
        return super().evaluate(split) if split == "eval" else {}


@breaks("predictions_are_batched", "no example")
class NoExample:
    """Honest in all else; inherits nothing, so that there is no example."""

    __init__, draw, step = Honest.__init__, Honest.draw, Honest.step
    evaluate, predict, play_command = Honest.evaluate, Honest.predict, Honest.play_command
    state_dict, load_state_dict = Honest.state_dict, Honest.load_state_dict


@breaks("predictions_are_batched", "first axis")
class PredictsAMean(Honest):
    def predict(self, inputs: np.ndarray) -> np.ndarray:
        mean: np.ndarray = super().predict(inputs).mean(0)
        return mean


@breaks("predictions_are_batched", "another answer")
class PredictsByNeighbors(Honest):
    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return super().predict(inputs - inputs.mean())


@breaks("predictions_are_batched", "not finite")
class PredictsNothing(Honest):
    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return super().predict(inputs) * np.nan


@breaks("predictions_are_arrays", "returns a Tensor")
class PredictsTensors(Honest):
    def predict(self, inputs: np.ndarray) -> Any:
        return torch.from_numpy(super().predict(inputs))


@breaks("predictions_are_arrays", "does not take lists")
class PredictsFromArraysAlone(Honest):
    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return super().predict(inputs.reshape(-1, 1))


@breaks("samples_are_arrays", "it is a numpy array [1, ...]")
class SamplesALot(Honest):
    def sample(self, n: int = 1) -> np.ndarray:
        return np.zeros((n + 1, 2))


@breaks("capabilities_return_media", "cannot be shown")
class PlaysANumber(Honest):
    def play_command(self, options: lab.Play) -> Any:
        return 3.0


@breaks(
    "capabilities_return_media",
    "cannot be shown",
    capabilities={"predict": "lab.capabilities:Predict", "play": "lab:Play"},
)
class AsksForInputs(PlaysANumber):
    """One capability that is not possible here hides nothing of the next."""

    def predict_command(self, options: Any) -> Any:
        raise lab.UsageError("Nothing to predict.")


@breaks("capabilities_return_media", "changes what training")
class PlayingCounts(Honest):
    def play_command(self, options: lab.Play) -> Any:
        self.steps += 1
        return "a line"


class Offers(Honest):
    """Honest, with all that has a command."""

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        rows = np.array([[float(word)] for word in options.inputs], np.float32)
        answers = self.predict(rows)[:, 0].tolist()
        return [{"input": w, "values": [y]} for w, y in zip(options.inputs, answers, strict=True)]

    def sample_command(self, options: Sample) -> Any:
        return lab.Table(("x",), [(float(n),) for n in range(options.n)])

    def play_command(self, options: lab.Play) -> Any:
        return lab.Clip([np.zeros((4, 4, 3), np.uint8)] * 2, 10)

    def export_command(self, options: Export) -> Path:
        path = options.out or self.ctx.dir / "net.safetensors"
        save_file(self.net.state_dict(), path.with_suffix(".safetensors"))
        return path.with_suffix(".safetensors")


OFFERING = {
    "capabilities": {
        "predict": "lab.capabilities:Predict",
        "sample": "lab.capabilities:Sample",
        "play": "lab:Play",
        "export": "lab.capabilities:Export",
    }
}
offers("offers", **OFFERING)(Offers)


@breaks("predict_answers_each_input", "answers 1 inputs for 3", **OFFERING)
class PredictsTheFirst(Offers):
    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        return super().predict_command(options)[:1]


@breaks("predict_answers_each_input", "says nothing of the input", **OFFERING)
class PredictsTheInputAlone(Offers):
    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        return [{"input": word} for word in options.inputs]


@breaks("predict_answers_each_input", "ValueError", **OFFERING)
class CannotRead(Offers):
    """What is right for no inputs fails on the first."""

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        if options.inputs:
            raise ValueError("a shape of old")
        return []


@breaks("sample_draws_as_many_as_asked", "--n 1 has 5 rows", **OFFERING)
class SamplesFive(Offers):
    def sample_command(self, options: Sample) -> Any:
        return super().sample_command(options.model_copy(update={"n": 5}))


@breaks("sample_draws_as_many_as_asked", "shows no more than --n 1", **OFFERING)
class ShowsOne(Offers):
    def sample_command(self, options: Sample) -> Any:
        return np.zeros((8, 8), np.uint8)


@breaks("play_shows_an_episode", "several sizes", **OFFERING)
class PlaysInSizes(Offers):
    def play_command(self, options: lab.Play) -> Any:
        return lab.Clip([np.zeros((n, 4, 3), np.uint8) for n in (4, 5)], 10)


@breaks("export_can_be_loaded", "does not load", **OFFERING)
class ExportsWords(Offers):
    def export_command(self, options: Export) -> Path:
        path = super().export_command(options)
        path.write_text("weights")
        return path


@breaks("export_can_be_loaded", "was asked for", **OFFERING)
class ExportsElsewhere(Offers):
    def export_command(self, options: Export) -> Path:
        return super().export_command(options.model_copy(update={"out": None}))


# -- options that all families share


@breaks("bf16_trains", "loss becomes nan")
class OverflowsInHalf(Honest):
    def step(self) -> int:
        moved = super().step()
        with self.ctx.autocast():
            product = torch.ones(2, 2) @ torch.ones(2, 2)
        if product.dtype != torch.float32:
            self.ctx.log("loss", float("nan"))
        return moved


@breaks("bf16_trains", "a resumed run ends otherwise")
class ForgetsInHalf(Honest):
    """Exact in full precision, where nothing scales."""

    scale = 1.0

    def step(self) -> int:
        if self.ctx.compute.precision == "bf16":
            self.scale *= 0.9
            self.optimizer.param_groups[0]["lr"] = self.config.lr * self.scale
        return super().step()


@breaks("compiled_trains", "Unsupported")
class CannotBeTraced(Honest):
    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        self.update = ctx.make_update(
            self.net[0], torch.optim.Adam(self.net.parameters()), self.loss
        )

    def loss(self, model: Any, batch: lab.Batch) -> tuple[torch.Tensor, None]:
        print(end="")  # no part of a graph
        return model(batch["inputs"]).square().mean() + self.lazily, None

    @cached_property
    def lazily(self) -> torch.Tensor:
        print(end="")
        return torch.zeros(())

    def step(self) -> int:
        self.update({"inputs": self.draw()})
        return super().step()


class Accumulating(Config):
    grad_accum_steps: int = Field(1, ge=1, description="Parts that a batch is computed in.")


class Accumulates(Honest):
    """Compute a batch in parts; keeps every promise."""

    summed = False

    def __init__(self, config: Any, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        self.net[1].p = 0.0
        self.x = torch.linspace(0, 1, 8)[:, None]

    def step(self) -> int:
        pieces = self.x.chunk(getattr(self.config, "grad_accum_steps", 1))
        losses = [(self.net(x) - (2 * x - 1)).square().mean() for x in pieces]
        loss = sum(losses) if self.summed else sum(losses) / len(pieces)
        self.ctx.optimize(self.optimizer, loss)
        self.ctx.log("loss", loss)
        self.steps += 1
        return 8


offers("accumulates", config=f"{MODULE}:Accumulating")(Accumulates)


@breaks("accumulating_trains_alike", "the first update is another", config=f"{MODULE}:Accumulating")
class AddsUp(Accumulates):
    summed = True


class Averaging(Config):
    ema: float | None = Field(None, ge=0, lt=1, description="Decay of the averages, or none.")


@offers("averages", config=f"{MODULE}:Averaging")
class Averages(Honest):
    """Keep an average of the weights as well."""

    config: Averaging

    def __init__(self, config: Averaging, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        self.average = self.net[0].weight.detach().clone()

    def step(self) -> int:
        moved = super().step()
        if self.config.ema is not None:
            self.average.lerp_(self.net[0].weight.detach(), 1 - self.config.ema)
        return moved

    def state_dict(self) -> dict[str, Any]:
        if self.config.ema is None:
            return super().state_dict()
        return {**super().state_dict(), "average": self.average}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        if "average" in state:
            self.average.copy_(state["average"])


@breaks("averages_train", "a resumed run ends otherwise", config=f"{MODULE}:Averaging")
class ForgetsTheAverage(Averages):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict({k: v for k, v in state.items() if k != "average"})


# -- what is read where


class DataConfig(lab.DataOptions, Config):
    data: str = Field("iris", description="Source.")


READING = {"config": f"{MODULE}:DataConfig"}


@offers("reads", **READING)
class Reads(Honest):
    """Fit the third column of a table to the first; keeps every promise."""

    def __init__(self, config: DataConfig, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        self.data = ctx.data(config)
        self.info = self.data.info

    @cached_property
    def batches(self) -> Any:
        return self.data.batches()

    def step(self) -> int:
        x, y = self.pair(self.batches.next()["inputs"])
        loss = (self.net(x) - y).square().mean()
        self.ctx.optimize(self.optimizer, loss)
        self.ctx.log("loss", loss)
        self.steps += 1
        return len(x)

    def pair(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scaled = self.info.prepare_inputs(inputs)
        return scaled[:, :1], scaled[:, 2:3]

    def evaluate(self, split: str) -> Mapping[str, float]:
        x, y = self.pair(self.data.part(split).inputs)
        return {"error": float((self.net(x) - y).square().mean())}

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "batches": self.batches.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        if "batches" in state:
            self.batches.load_state_dict(state["batches"])


@breaks("splits_are_read_where_they_belong", "step reads the test split", **READING)
class LearnsFromTest(Reads):
    @cached_property
    def batches(self) -> Any:
        return ShuffledBatches(self.data.test, 8, self.ctx.seed)


@breaks("splits_are_read_where_they_belong", "step reads the eval split", **READING)
class StopsByEval(Reads):
    def step(self) -> int:
        x, y = self.pair(self.data.eval.first(4)["inputs"])
        with torch.no_grad():
            self.ctx.log("loss", (self.net(x) - y).square().mean())
        return super().step()


@breaks("splits_are_read_where_they_belong", "'test') does not read the test split", **READING)
class TestsOnEval(Reads):
    def evaluate(self, split: str) -> Mapping[str, float]:
        return super().evaluate("eval")


@breaks("splits_are_read_where_they_belong", "evaluate('eval') reads the test split", **READING)
class SelectsByTest(Reads):
    def evaluate(self, split: str) -> Mapping[str, float]:
        return {**super().evaluate(split), "hidden": super().evaluate("test")["error"]}


class Acts(Honest):
    """Play an environment as well as learn; keeps every promise."""

    @cached_property
    def envs(self) -> lab.Envs:
        return self.ctx.make_envs("CartPole-v1", 1)

    @cached_property
    def eval_envs(self) -> lab.Envs:
        return self.ctx.make_envs("CartPole-v1", 1, train=False)

    def step(self) -> int:
        self.envs.step(np.zeros(1, dtype=np.int64))
        return super().step()

    def evaluate(self, split: str) -> Mapping[str, float]:
        self.eval_envs.reset(seed=0)
        return super().evaluate(split)


offers("acts")(Acts)


@breaks("evaluation_has_its_own_environments", "that training plays in")
class EvaluatesInTraining(Acts):
    def evaluate(self, split: str) -> Mapping[str, float]:
        self.envs.step(np.zeros(1, dtype=np.int64))
        return super().evaluate(split)


@breaks("evaluation_has_its_own_environments", "train=False")
class TrainsInEvaluation(Acts):
    def step(self) -> int:
        self.eval_envs.reset(seed=0)
        return super().step()


# -- manners


@breaks("nothing_is_printed", "prints 'hello'")
class Talks(Honest):
    def step(self) -> int:
        print("hello")
        return super().step()


@breaks("nothing_is_printed", "prints 'from below'")
class TalksBelow(Honest):
    def step(self) -> int:
        os.write(2, b"from below\n")
        return super().step()


@breaks("the_process_is_left_as_found", "SPECIMEN")
class SetsTheEnvironment(Honest):
    def step(self) -> int:
        os.environ["SPECIMEN"] = "here"
        return super().step()


@breaks("the_process_is_left_as_found", "grad mode")
class TurnsGradientsOff(Honest):
    def step(self) -> int:
        torch.set_grad_enabled(True)
        moved = super().step()
        torch.set_grad_enabled(False)
        return moved


@breaks("the_process_is_left_as_found", "warning filters")
class SilencesWarnings(Honest):
    def step(self) -> int:
        warnings.filterwarnings("ignore", message="specimen")
        return super().step()


@breaks("nothing_is_leaked", "thread")
class LeaksAThread(Honest):
    def step(self) -> int:
        threading.Thread(target=time.sleep, args=(20,), daemon=True, name="specimen").start()
        return super().step()


@breaks("nothing_is_leaked", "open file")
class LeaksAFile(Honest):
    def step(self) -> int:
        KEPT.append((self.ctx.dir / f"{self.steps}.txt").open("w"))
        return super().step()


@breaks("nothing_is_leaked", "environment CartPoleEnv")
class LeaksAnEnvironment(Honest):
    def step(self) -> int:
        KEPT.append(gym.make("CartPole-v1").unwrapped)
        return super().step()


@breaks("files_stay_in_the_run_folder", "notes.txt")
class WritesHere(Honest):
    def step(self) -> int:
        Path("notes.txt").write_text("x")
        return super().step()


@breaks("files_stay_in_the_run_folder", "home, temporary")
class WritesTemporaries(Honest):
    def step(self) -> int:
        tempfile.mkstemp()
        return super().step()


# -- what fails or hangs at once, in each of the methods


@offers("fails-in-step")
class FailsInStep(Honest):
    def step(self) -> int:
        self.net(torch.zeros(3, 3))  # the error is torch's, the line is this one
        return super().step()


@offers("hangs-in-init")
class HangsInInit(Honest):
    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        time.sleep(3_600)


@offers("hangs-in-step")
class HangsInStep(Honest):
    def step(self) -> int:
        while True:
            try:
                time.sleep(3_600)
            except Exception:
                continue


@offers("hangs-in-evaluate")
class HangsInEvaluate(Honest):
    def evaluate(self, split: str) -> Mapping[str, float]:
        time.sleep(3_600)
        return super().evaluate(split)


@offers("hangs-in-predict")
class HangsInPredict(Honest):
    def predict(self, inputs: np.ndarray) -> np.ndarray:
        time.sleep(3_600)
        return super().predict(inputs)


@offers("hangs-below")
class HangsBelowPython(Honest):
    def step(self) -> int:
        lock, below = ctypes.create_string_buffer(256), ctypes.CDLL(None)
        below.pthread_mutex_lock(lock)
        below.pthread_mutex_lock(lock)  # no signal ends this
        return super().step()


@offers("is-ended")
class IsEnded(Honest):
    def step(self) -> int:
        os.kill(os.getpid(), 15)
        time.sleep(3_600)
        return super().step()


sys.modules.setdefault(MODULE, sys.modules[__name__])
