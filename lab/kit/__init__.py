"""Offer building blocks to every plugin: optimisers, schedules, losses, metrics, and more.

Blocks, no trainer: a `step` stays a few lines in the plugin. Names load what they need when first
used, so that the option mixins stay light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "Predict": "capabilities",
    "Export": "capabilities",
    "ACTIVATIONS": "activations",
    "BinaryCrossEntropy": "losses",
    "CLASSIFICATION_METRICS": "names",
    "Classification": "metrics",
    "ClassifierOptions": "options",
    "ConvDecoder": "pyramid",
    "ConvEncoder": "pyramid",
    "CrossEntropy": "losses",
    "EMA": "ema",
    "EarlyStop": "early_stop",
    "Huber": "losses",
    "LayerOptions": "options",
    "LayerStatistics": "gradients",
    "LayerSummary": "summary",
    "MSE": "losses",
    "OptimizerOptions": "options",
    "REGRESSION_METRICS": "names",
    "RangeTest": "lr_finder",
    "Regression": "metrics",
    "SEGMENTATION_METRICS": "names",
    "Sample": "capabilities",
    "Segmentation": "metrics",
    "Updater": "updater",
    "activation": "activations",
    "class_weights": "losses",
    "draw_layers": "gradients",
    "freeze": "freezing",
    "initialize": "initializers",
    "layer_statistics": "gradients",
    "load_network": "network",
    "make_optimizer": "optimizers",
    "metric_names": "gradients",
    "range_test": "lr_finder",
    "rate": "schedules",
    "set_rate": "schedules",
    "student": "intervals",
    "summarize": "summary",
    "totals": "summary",
    "unfreeze": "freezing",
    "update_ratios": "gradients",
    "validate": "early_stop",
    "wilson": "intervals",
}

_BOXES = ("generative",)  # with names of their own

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.kit.activations import ACTIVATIONS as ACTIVATIONS
    from lab.kit.activations import activation as activation
    from lab.kit.capabilities import Export as Export
    from lab.kit.capabilities import Predict as Predict
    from lab.kit.capabilities import Sample as Sample
    from lab.kit.early_stop import EarlyStop as EarlyStop
    from lab.kit.early_stop import validate as validate
    from lab.kit.ema import EMA as EMA
    from lab.kit.freezing import freeze as freeze
    from lab.kit.freezing import unfreeze as unfreeze
    from lab.kit.gradients import LayerStatistics as LayerStatistics
    from lab.kit.gradients import draw_layers as draw_layers
    from lab.kit.gradients import layer_statistics as layer_statistics
    from lab.kit.gradients import metric_names as metric_names
    from lab.kit.gradients import update_ratios as update_ratios
    from lab.kit.initializers import initialize as initialize
    from lab.kit.intervals import student as student
    from lab.kit.intervals import wilson as wilson
    from lab.kit.losses import MSE as MSE
    from lab.kit.losses import BinaryCrossEntropy as BinaryCrossEntropy
    from lab.kit.losses import CrossEntropy as CrossEntropy
    from lab.kit.losses import Huber as Huber
    from lab.kit.losses import class_weights as class_weights
    from lab.kit.lr_finder import RangeTest as RangeTest
    from lab.kit.lr_finder import range_test as range_test
    from lab.kit.metrics import Classification as Classification
    from lab.kit.metrics import Regression as Regression
    from lab.kit.metrics import Segmentation as Segmentation
    from lab.kit.names import CLASSIFICATION_METRICS as CLASSIFICATION_METRICS
    from lab.kit.names import REGRESSION_METRICS as REGRESSION_METRICS
    from lab.kit.names import SEGMENTATION_METRICS as SEGMENTATION_METRICS
    from lab.kit.network import load_network as load_network
    from lab.kit.optimizers import make_optimizer as make_optimizer
    from lab.kit.options import ClassifierOptions as ClassifierOptions
    from lab.kit.options import LayerOptions as LayerOptions
    from lab.kit.options import OptimizerOptions as OptimizerOptions
    from lab.kit.pyramid import ConvDecoder as ConvDecoder
    from lab.kit.pyramid import ConvEncoder as ConvEncoder
    from lab.kit.schedules import rate as rate
    from lab.kit.schedules import set_rate as set_rate
    from lab.kit.summary import LayerSummary as LayerSummary
    from lab.kit.summary import summarize as summarize
    from lab.kit.summary import totals as totals
    from lab.kit.updater import Updater as Updater


def __getattr__(name: str) -> Any:
    if name in _BOXES:
        return importlib.import_module(f"lab.kit.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'lab.kit' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"lab.kit.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_BOXES])
