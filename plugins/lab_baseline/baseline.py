"""Fit one of scikit-learn's methods to the training split, and measure it as networks are measured.

A checkpoint holds the training examples and the seed, not the fitted estimator: of
that there is no plain form common to all methods, and pickles are not loaded. As an estimator is a
function of examples, options and seed, it is fitted again when it is needed: on the same kind of
machine and with as many threads it is the same to the bit, and it predicts without the source.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.multioutput import MultiOutputRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn's own
from torch import Tensor

import lab
from lab.capabilities import Predict
from lab.messages import count
from lab.metrics import Classification, Regression
from lab.supervised.command_inputs import ranked, read_inputs
from lab.supervised.inputs import as_inputs
from lab.supervised.pictures import Answers, draw_confusion
from lab.supervised.task import EVALUATED, check_classes
from lab_baseline import models
from lab_baseline.config import METHODS, Config
from lab_baseline.models import Array
from lab_baseline.texts import last

LARGEST_SEED = 2**31


class Baseline:
    """Shapes: N training examples, B others, F features, K classes or values."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        if ctx.task not in METHODS[config.algo].tasks:
            able = ", ".join(name for name, method in METHODS.items() if ctx.task in method.tasks)
            hint = f" There is: {able}." if able else ""
            raise lab.UsageError(
                f"--algo {config.algo}: {config.data} is to {ctx.task}, which it cannot.{hint}"
            )
        self.data = ctx.data(config)
        self.info = self.data.info
        if self.info.kind not in ("image", "table", "tokens") or self.info.per_step:
            raise lab.UsageError(
                f"A baseline learns from images, tables and texts; {self.info.name} is "
                f"{self.info.kind} data{' with a class for each step' * self.info.per_step}."
            )
        check_classes(self.info)
        self.learned: dict[str, Any] = {}  # inputs, targets and seed, once there are any

    def step(self) -> int:
        """Fit the training split, once; later steps do nothing."""
        if self.learned:
            return 0
        train = self.data.train
        if len(train) < self.config.neighbors and self.config.algo == "knn":
            examples = count(len(train), "example")
            raise lab.UsageError(f"--neighbors {self.config.neighbors}: it learns from {examples}")
        batch = train.first(len(train))
        seed = int(self.ctx.rng.integers(LARGEST_SEED))
        self.learned = {name: batch[name].cpu() for name in ("inputs", "targets")} | {"seed": seed}
        _ = self.estimator  # fitted here, not in the evaluation
        return len(train)

    @cached_property
    def estimator(self) -> Any:
        """The estimator, fitted to the training examples."""
        estimator = models.make(self.config, self.info, self.learned["seed"])
        targets = self.info.prepare_targets(self.learned["targets"]).numpy()
        single = targets.ndim > 1 and targets.shape[1] == 1
        if single and not isinstance(last(estimator), MultiOutputRegressor):
            targets = targets[:, 0]
        with self.computing():
            estimator.fit(self.columns(self.learned["inputs"]), targets)
        return estimator

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Compute with the threads of the run; report scikit-learn's warnings in one line."""
        with (
            threadpool_limits(torch.get_num_threads()),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", ConvergenceWarning)
            yield
        if caught:
            self.ctx.warn(
                f"{self.config.algo} did not converge: give more --iterations, or a lower --c"
            )

    def columns(self, inputs: Tensor) -> Array:
        """Return inputs [B, F], scaled as a network gets them; tokens [B, T] as they are."""
        prepared = self.info.prepare_inputs(inputs.cpu()).flatten(1)
        return (prepared if self.info.kind == "tokens" else prepared.double()).numpy()

    # -- measuring

    def evaluate(self, split: str) -> Mapping[str, float]:
        """Return the metrics of a split, the same as a network's; methods without probabilities
        have neither loss nor calibration error."""
        classify = self.info.task == "classify"
        metrics = Classification(self.info.outputs) if classify else Regression()
        answers = Answers()
        for batch in self.data.part(split).batches(EVALUATED):
            targets, outputs = batch["targets"].cpu(), self.answer(batch["inputs"])
            metrics.add(outputs, targets.long() if classify else targets)
            if not classify:
                answers.add(outputs, targets)
        values: dict[str, float] = metrics.compute(split)
        if split == "test" and isinstance(metrics, Classification):
            self.ctx.media("confusion", draw_confusion(metrics.confusion(), self.info.classes))
        if split == "test" and answers:
            self.ctx.media("predicted_and_true", answers.draw(self.info.target))
        unknown = () if self.config.gives_probabilities else ("loss", "ece")
        return {name: value for name, value in values.items() if name not in unknown}

    def answer(self, inputs: Tensor) -> Tensor:
        """Return logits, or values in their own unit [B, K], for inputs [B, ...] as the source
        gives them. Before the fit all classes are alike, and a value is the mean."""
        if not self.learned:
            zeros = torch.zeros(len(inputs), self.info.outputs)
            return zeros if self.info.classes else self.info.restore_targets(zeros)
        columns = self.columns(inputs)
        compute = models.logits if self.info.classes else models.values
        with self.computing():
            array = compute(self.estimator, columns)
        outputs = torch.from_numpy(np.ascontiguousarray(array))
        return outputs if self.info.classes else self.info.restore_targets(outputs)

    # -- using the fitted estimator

    def predict(self, inputs: Any) -> Array:
        """Return probabilities (an SVC's decision values) or values [B, K] for inputs [B, ...] as
        the source gives them."""
        outputs = self.answer(as_inputs(inputs, self.info, torch.device("cpu")))
        probable = self.info.classes and self.config.gives_probabilities
        return (outputs.softmax(1) if probable else outputs).numpy()

    def example(self, number: int) -> Tensor:
        """Return inputs that `predict` takes [number, ...]."""
        return self.data.eval.first(number)["inputs"]

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        """Return the likeliest classes, or the values, of images, rows of a table or texts."""
        inputs = read_inputs(options.inputs, self.info)
        rows = ranked(inputs.answers(self.predict), inputs, options, self.info)
        if self.info.classes and not self.config.gives_probabilities:
            return [{"input": row["input"], "scores": row["classes"]} for row in rows]
        return rows

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        return {"model": dict(self.learned)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        learned = copy.deepcopy(dict(state["model"]))
        if not _same(learned, self.learned):
            self.__dict__.pop("estimator", None)  # it is fitted anew on first use
        self.learned = learned


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Tell whether two fits learn from the same examples with the same seed."""
    if not a or not b:
        return False
    same = (torch.equal(a[name], b[name]) for name in ("inputs", "targets"))
    return a["seed"] == b["seed"] and all(same)
