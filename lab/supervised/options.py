"""Name the options of learning from labels, mixins that a plugin's config inherits.

The same option then has one name, range and help text in every family. A plugin gives a field
another default by writing the field anew. Nothing heavy is imported.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.errors import UsageError
from lab.messages import flag
from lab.options import Options


def refuse_unused(config: Options, task: str, *names: str) -> None:
    """Raise UsageError for an option of these names that is set, as `task` has no use for it."""
    for name in names:
        default = type(config).model_fields[name].get_default(call_default_factory=True)
        if getattr(config, name) != default:
            raise UsageError(f"{flag(name)} has no use here: {task}")


class LabelOptions(Options):
    """How labels are learned, be they classes or tokens: what `CrossEntropy` and `EarlyStop` are
    made from."""

    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Fraction of each label that is spread over all classes."
    )
    patience: int | None = Field(
        None, ge=1, description="Validations without a gain after which training ends, or none."
    )


class ClassifierOptions(LabelOptions):
    """How a classifier is trained."""

    class_weights: Literal["none", "balanced"] = Field(
        "none", description="Balanced gives rare classes the weight of common ones."
    )


class OwnNetworkOptions(Options):
    """A network of the user's own, in place of the family's: what `load_network` reads."""

    model: str | None = Field(None, description="A network of your own: FILE.py:Net.")

    @property
    def network_name(self) -> str | None:
        """The name of the user's own network, which names of runs carry: `Net` of
        `net.py:Net`."""
        return self.model.rpartition(":")[2] if self.model else None
