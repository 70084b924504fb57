"""Forecast the next steps of a series, beside a linear model and the season repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lab
from lab.capabilities import Export
from lab.data.augment import Augment
from lab.data.streams import WindowBatches
from lab.metrics import Forecasts, seasonal_scale
from lab.nn.export import export
from lab.nn.standalone import Standalone
from lab.supervised.data_task import DataTask
from lab.supervised.sequence_files import read_sequences
from lab.supervised.sequence_inputs import as_steps
from lab.supervised.task import regression_loss
from lab_rnn import forecast_pictures
from lab_rnn.autoregression import RidgeAutoregression, seasonal_naive
from lab_rnn.config import Config, Predict
from lab_rnn.networks import scales, target_columns
from lab_rnn.windows import Windows

Array = np.ndarray[Any, np.dtype[Any]]


class Forecast(DataTask):
    """Shapes: B windows, C steps of the past, H to forecast, F columns, of which K are forecast."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        self.config = config
        if config.label_smoothing or config.class_weights != "none":
            raise lab.UsageError("--label-smoothing and --class-weights are for classes")
        self.columns = target_columns(self.info)
        self.criterion = regression_loss(config.loss)
        self._augment = Augment(config.augment, self.info, ctx.generator)
        ctx.run_constant(
            f"{self.data.words} season", self._season
        )  # a new run fails here if it must

    @cached_property
    def windows(self) -> Windows:
        return Windows(self.data, self.config.context, self.config.horizon)

    def _season(self) -> list[float]:
        """Return the error that repeating the season makes within train, by column: what MASE
        divides by. Raises UsageError where there is none."""
        try:
            scale = seasonal_scale(self.windows.train[None], self.config.period)
        except ValueError:
            raise lab.UsageError(
                f"{self.info.name} repeats itself exactly every {self.config.period} steps "
                "(--period) in its training part: there is nothing to forecast"
            ) from None
        return scale[0].tolist()

    @cached_property
    def batches(self) -> WindowBatches:
        steps = self.config.context + self.config.horizon - 1
        train = self.windows.train
        return WindowBatches(train, self.config.batch_size, steps, self.ctx.seed)

    # -- training

    def next(self) -> lab.Batch:
        """Return the next training windows: inputs [B, C, F] and targets [B, H, K], prepared."""
        batch = self.batches.next()
        steps = torch.cat([batch["inputs"], batch["targets"][:, -1:]], 1)
        past, future = self.info.prepare_inputs(steps).tensor_split([self.config.context], 1)
        return self._augment({"inputs": past, "targets": future[..., self.columns]})

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, None]:
        """Return the loss in units of each past's own deviation, so that all windows count."""
        _, scale = scales(batch["inputs"])
        scale = scale[..., self.columns]
        return self.criterion(model(batch["inputs"]) / scale, batch["targets"] / scale), None

    def weight(self, batch: lab.Batch) -> Tensor:
        """Return the divisor of a batch's mean loss, for batches that are computed in parts."""
        return self.criterion.weight(batch["targets"])

    def log(self, loss: Tensor, extra: None) -> None:
        self.ctx.log("loss", loss)

    # -- measuring

    def measure(self, model: nn.Module, split: str) -> dict[str, float]:
        """Return the errors of all windows of a split, and those of the two to compare with.

        MASE divides by the error that repeating the season makes within train. There is no
        interval: windows overlap, and are no independent trials.
        """
        contestants: Mapping[str, Callable[[Tensor], Tensor]] = {
            "": lambda past: self.answers(model, past),
            "_seasonal": lambda past: self.repeated(past),
            "_linear": self.linear,
        }
        meters = {name: Forecasts(self.config.period) for name in contestants}
        history = self.windows.train[None][..., self.columns]
        for past, future in self.windows.batches(split):
            for name, forecast in contestants.items():
                meters[name].add(forecast(past), future[..., self.columns].double(), history)
        figures = {name: meter.compute() for name, meter in meters.items()}
        metrics = {f"mase{name}": figure["mase"] for name, figure in figures.items()}
        metrics["mae"] = figures[""]["mae"]
        if split == "test":
            metrics["n"] = float(len(self.windows.starts(split)))
            self._draw(model)
        return metrics

    @cached_property
    def linear(self) -> RidgeAutoregression:
        """The linear model, fitted to train."""
        return RidgeAutoregression(self.windows, self.columns)

    def repeated(self, past: Tensor) -> Tensor:
        """Return the last season, repeated [B, H, K]."""
        naive = seasonal_naive(past, self.config.horizon, self.config.period)
        return naive[..., self.columns].double()

    def answers(self, model: Any, past: Tensor) -> Tensor:
        """Return forecasts [B, H, K] of pasts [B, C, F], both in the unit of the series."""
        with self.ctx.autocast():
            outputs = model(self.info.prepare_inputs(past))
        return self.restored(outputs.float().double())

    def restored(self, outputs: Tensor) -> Tensor:
        mean, std = (outputs.new_tensor(v)[self.columns] for v in (self.info.mean, self.info.std))
        return outputs * std + mean

    def _draw(self, model: nn.Module) -> None:
        """Draw forecasts of the test split that follow on each other."""
        starts = self.windows.starts("test")[:: self.config.horizon]
        past, future = self.windows.take(starts[: forecast_pictures.MOST])
        forecasts = {"network": self.answers(model, past), "season repeated": self.repeated(past)}
        first = {name: values[..., 0] for name, values in forecasts.items()}
        truth = future[..., self.columns[0]]
        name = self.info.features[self.columns[0]] if self.info.features else "value"
        self.ctx.media("forecasts", forecast_pictures.draw(truth, first, name))

    # -- predicting

    def predict(self, model: nn.Module, inputs: Any) -> Array:
        """Return the next steps [B, H, K] of pasts [B, C or more, F], in the unit of the series."""
        batch = as_steps(inputs, self.info, self.ctx.device)
        past, context = batch["inputs"], self.config.context
        if "mask" in batch:
            raise lab.UsageError("pasts of different lengths, or NaN: give the last steps of each")
        if past.shape[1] < context:
            raise lab.UsageError(
                f"a forecast reads {context} steps (--context); these are {past.shape[1]}"
            )
        return self.answers(model, past[:, -context:]).cpu().numpy()

    def example(self, number: int) -> Tensor:
        """Return the first pasts of the eval split [number, C, F]."""
        return self.windows.take(self.windows.starts("eval")[:number])[0]

    def predict_command(self, model: nn.Module, options: Predict) -> list[dict[str, Any]]:
        """Return the next steps of each series, csv files or numbers, by column and step."""
        rows = []
        for name, steps in zip(*read_sequences(options.inputs, self.info), strict=True):
            (answer,) = self.predict(model, steps[None])
            values = {
                f"{column} +{step}": float(value)
                for step, row in enumerate(answer, 1)
                for column, value in zip(self._column_names(), row, strict=True)
            }
            rows.append({"input": name, "values": values})
        return rows

    def _column_names(self) -> list[str]:
        named = self.info.features or tuple(f"column {n}" for n in range(self.info.shape[0]))
        return [named[column] for column in self.columns]

    def export(self, model: nn.Module, options: Export) -> Path:
        """Write a model for other software, from pasts [B, C, F] to what `predict` returns."""
        shape = (self.config.context, *self.info.shape)
        info = replace(self.info, kind="sequence", shape=shape)  # of its own length
        return export(
            Standalone(model, info, "values", answer=self.restored), options, self.ctx.dir
        )
