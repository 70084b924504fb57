"""Build networks: activations, losses, initial weights, freezing, a user's own module.

Names load what they need when first used, so that the options stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
    "ACTIVATIONS": "lab.nn.activations",
    "ConvDecoder": "lab.nn.dcgan",
    "ConvEncoder": "lab.nn.dcgan",
    "CrossEntropy": "lab.nn.losses",
    "Huber": "lab.nn.losses",
    "LayerOptions": "lab.nn.options",
    "LayerStatistics": "lab.nn.gradients",
    "LayerSummary": "lab.nn.summary",
    "MSE": "lab.nn.losses",
    "INITIALIZERS": "lab.nn.initializers",
    "activation": "lab.nn.activations",
    "check_network": "lab.nn.network",
    "class_weights": "lab.nn.losses",
    "draw_layers": "lab.nn.gradients",
    "freeze": "lab.nn.freezing",
    "initialize": "lab.nn.initializers",
    "layer_statistics": "lab.nn.gradients",
    "load_network": "lab.nn.network",
    "metric_names": "lab.nn.gradients",
    "summarize": "lab.nn.summary",
    "totals": "lab.nn.summary",
    "unfreeze": "lab.nn.freezing",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.nn.activations import ACTIVATIONS as ACTIVATIONS
    from lab.nn.activations import activation as activation
    from lab.nn.dcgan import ConvDecoder as ConvDecoder
    from lab.nn.dcgan import ConvEncoder as ConvEncoder
    from lab.nn.freezing import freeze as freeze
    from lab.nn.freezing import unfreeze as unfreeze
    from lab.nn.gradients import LayerStatistics as LayerStatistics
    from lab.nn.gradients import draw_layers as draw_layers
    from lab.nn.gradients import layer_statistics as layer_statistics
    from lab.nn.gradients import metric_names as metric_names
    from lab.nn.initializers import INITIALIZERS as INITIALIZERS
    from lab.nn.initializers import initialize as initialize
    from lab.nn.losses import MSE as MSE
    from lab.nn.losses import CrossEntropy as CrossEntropy
    from lab.nn.losses import Huber as Huber
    from lab.nn.losses import class_weights as class_weights
    from lab.nn.network import check_network as check_network
    from lab.nn.network import load_network as load_network
    from lab.nn.options import LayerOptions as LayerOptions
    from lab.nn.summary import LayerSummary as LayerSummary
    from lab.nn.summary import summarize as summarize
    from lab.nn.summary import totals as totals

__getattr__, __dir__ = attach(__name__, _HOME)
