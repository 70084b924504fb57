"""Name the options of layers, a mixin that a plugin's config inherits.

The same option then has one name, range and help text in every family. A plugin gives a field
another default by writing the field anew. Nothing heavy is imported.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.config import Options


class LayerOptions(Options):
    """How layers begin and what follows them: what `initialize` and `activation` read."""

    init: Literal["default", "xavier", "he", "orthogonal", "normal"] = Field(
        "default", description="Initial weights; default leaves them to PyTorch."
    )
    activation: Literal["threshold", "sigmoid", "tanh", "relu", "leaky-relu", "relu6", "gelu"] = (
        Field("relu", description="Activation of the hidden layers.")
    )
