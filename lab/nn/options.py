"""Name the options of layers, a mixin that a plugin's config inherits.

The same option then has one name, range and help text in every family. A plugin gives a field
another default by writing the field anew. Nothing heavy is imported.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.nn.activations import ACTIVATIONS
from lab.nn.initializers import INITIALIZERS
from lab.options import OneOf, Options


class LayerOptions(Options):
    """How layers begin and what follows them: what `initialize` and `activation` read."""

    init: Annotated[str, OneOf(INITIALIZERS)] = Field(
        "default", description="Initial weights; default leaves them to PyTorch."
    )
    activation: Annotated[str, OneOf(ACTIVATIONS)] = Field(
        "relu", description="Activation of the hidden layers."
    )
