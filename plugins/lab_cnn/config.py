"""List the options of convolutional networks. Units: the clock counts training examples seen."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from lab.supervised.config import SupervisedConfig
from lab.supervised.options import OwnNetworkOptions
from lab_cnn.models.names import able_to, check_fcn, family_of

TRANSFERS = re.compile(r"all|last-([1-9]\d*)|new-head|append-head")


class Config(OwnNetworkOptions, SupervisedConfig):
    arch: str = Field(
        "lenet5",
        description="lenet5, alexnet, vgg11-19[_bn], googlenet, resnet18-152, resnet8-110 and "
        "plain8-110 (for small images), mobilenet_v1/v2, densenet121-201, simple, separable, "
        "spatial, capsnet_baseline.",
    )
    width: float = Field(1.0, gt=0, description="Factor of the channels, where the family has it.")
    pool: Literal["max", "average", "sum", "strided"] | None = Field(
        None, description="How windows are pooled; the paper's way by default."
    )
    stem: Literal["auto", "full", "small"] = Field(
        "auto", description="First layers: the paper's, or gentle ones for small images."
    )
    dropout: float | None = Field(None, ge=0, lt=1, description="The paper's by default.")
    aux: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Auxiliary heads in training; auto: googlenet has them, dilated does not.",
    )
    fcn: Literal["fcn32s", "fcn16s", "fcn8s", "dilated"] = Field(
        "fcn8s", description="How --task segment brings the maps back to the images' size."
    )
    channels_last: bool = Field(False, description="Keep channels innermost in memory.")

    init_from: str | None = Field(
        None, description="Begin with the weights of a run, a checkpoint or a state dict."
    )
    transfer: str = Field(
        "all",
        description="What then learns: all; last-K stages; new-head on a frozen network; "
        "append-head, a layer behind the frozen old head.",
    )
    plots: bool = Field(
        True, description="Draw filters, feature maps and Grad-CAM in the end, if media are on."
    )

    @property
    def with_aux(self) -> bool | None:
        """Whether there are auxiliary heads; None leaves it to the network."""
        return {"auto": None, "on": True, "off": False}[self.aux]

    @property
    def learning_stages(self) -> int:
        """The K of --transfer last-K, 0 of another."""
        chosen = TRANSFERS.fullmatch(self.transfer)
        return int(chosen[1]) if chosen and chosen[1] else 0

    @property
    def preset(self) -> str | None:
        if self.model:
            return None
        if self.task != "segment":
            return f"{self.data}-{self.arch}"
        # what is tuned for an architecture would not fit another that the user names
        named = f"-{self.arch}" if "arch" in self.model_fields_set else ""
        return f"{self.data}{named}-segment"

    @property
    def target(self) -> str:
        return f"{self.network_name or self.arch}-{self.data_name}"

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        if not TRANSFERS.fullmatch(self.transfer):
            raise ValueError("--transfer is all, last-K (as last-2), new-head or append-head")
        if self.transfer != "all" and not self.init_from:
            raise ValueError(f"--transfer {self.transfer} needs --init-from: weights to begin with")
        options = () if self.model else family_of(self.arch).options
        requested = {"width": self.width != 1.0, "pool": self.pool, "stem": self.stem != "auto"}
        requested |= {"dropout": self.dropout is not None, "aux": self.aux != "auto"}
        if self.fcn == "dilated" and not self.model:
            del requested["aux"]  # of which check_fcn knows
        for option, is_set in requested.items():
            if is_set and self.model:
                raise ValueError(f"--model is a network of your own: it has no --{option}")
            if is_set and option not in options:
                able = ", ".join(able_to(option))
                raise ValueError(f"{self.arch} has no --{option}; {able} have")
        if self.task == "segment" and not self.model:
            check_fcn(self.fcn, self.arch, self.with_aux is True)
        return self
