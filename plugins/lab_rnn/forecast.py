"""Forecast the next steps of a series, and compare with a linear model and the last season."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lab
from lab.capabilities import Export, Predict
from lab.data.batches import Batch
from lab.data.streams import WindowBatches
from lab.metrics import Forecasts
from lab.nn.export import export
from lab.nn.losses import Loss
from lab.nn.standalone import Standalone
from lab.spec import import_object
from lab.supervised.command_inputs import read_inputs
from lab.supervised.config import REGRESSION_LOSSES
from lab.supervised.early_stop import EarlyStop, validate
from lab_rnn import pictures
from lab_rnn.autoregression import RidgeAutoregression, seasonal_naive
from lab_rnn.config import Config
from lab_rnn.networks import Forecaster
from lab_rnn.windows import Windows

Array = np.ndarray[Any, np.dtype[Any]]
