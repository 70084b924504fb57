"""List the options of Transformers. Units: the clock counts training examples seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lab import OneOf
from lab.data.options import preset_of_texts
from lab.nn import ACTIVATIONS
from lab.sequence import ATTENTION, POSITIONS, TRANSFORMER_INITIALIZERS
from lab.supervised.config import OBJECTIVES, SupervisedConfig
from lab.supervised.language_config import LanguageOptions
from lab.supervised.translation_config import OBJECTIVE, TranslationOptions
from lab_transformer import depth


class Config(TranslationOptions, LanguageOptions, SupervisedConfig):
    depth: int | None = Field(
        None,
        ge=1,
        le=depth.DEEPEST,
        description="One dial for --layers, --width, --heads, --lr, --schedule and the budget; "
        "what is said beside it holds.",
    )
    layers: int = Field(4, ge=1, description="Blocks; of an encoder-decoder, blocks of each.")
    width: int = Field(128, ge=1, description="Width of what each block takes and gives.")
    heads: int = Field(4, ge=1, description="Heads of each attention; they divide the width.")
    feedforward: int | None = Field(
        None, ge=1, description="Hidden units of a block's two layers; none: four times the width."
    )
    norm: Literal["pre", "post"] = Field(
        "pre", description="Normalize what goes into a sublayer, or the sum behind it, as in 2017."
    )
    activation: Annotated[str, OneOf(ACTIVATIONS)] = Field(
        "gelu", description="Activation of the hidden units."
    )
    bias: bool = Field(True, description="Biases in all layers, norms included.")
    positions: Annotated[str, OneOf(POSITIONS)] = Field(
        "learned", description="How steps say where they stand."
    )
    attention: Annotated[str, OneOf(ATTENTION)] = Field(
        "matmul", description="Attention as it is written, or by torch's own kernels."
    )
    qk_norm: bool = Field(False, description="Normalize queries and keys, which bounds scores.")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="Dropout of the embedded inputs and of what sublayers add."
    )
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout of attention's weights.")
    init: Annotated[str, OneOf(TRANSFORMER_INITIALIZERS)] = Field(
        "xavier", description="Initial weights; default leaves them to PyTorch."
    )

    patch: int = Field(4, ge=1, description="Side of the patches of a picture, in pixels.")
    pool: Literal["class", "mean"] = Field(
        "class", description="What answers for all steps: a class token's output, or their mean."
    )
    answer: Literal["class", "span"] = Field(
        "class",
        description="Answer by a class, or by a span of the text: its first and last word.",
    )
    pretrain: Literal["none", "masked"] = Field(
        "none", description="Learn without labels, by guessing hidden words."
    )
    mask_fraction: float = Field(
        0.15, gt=0, lt=1, description="Words that --pretrain masked asks for."
    )
    tie_weights: bool = Field(
        True, description="What writes scores words by the weights that it reads them by."
    )
    init_from: str | None = Field(
        None, description="Begin with the weights of a run, a checkpoint or a state dict."
    )
    plots: bool = Field(True, description="Draw attention in the end, if media are on.")

    @property
    def budget(self) -> int:
        return super().budget if self.depth is None else depth.budget(self.depth)

    @property
    def preset(self) -> str | None:
        if self.depth is not None:
            return None  # a preset would hold beside the dial
        if self.pretrain != "none":
            return f"{self.data}-{self.pretrain}"
        if texts := preset_of_texts(self):
            return texts
        return self.data if self.answer == "class" else f"{self.data}-{self.answer}"

    @property
    def objective(self) -> Mapping[str, tuple[str, str]]:
        labels = {task: OBJECTIVES[task] for task in ("classify", "regress")}
        objectives = {**labels, "translate": OBJECTIVE, "lm": self.language_objective}
        if self.pretrain == "masked":
            return dict.fromkeys(objectives, ("eval/loss", "min"))
        if self.answer == "span":
            return {"classify": ("eval/exact_match", "max")}
        return objectives

    @model_validator(mode="before")
    @classmethod
    def _turn_the_dial(cls, values: Any) -> Any:
        turned = values.get("depth") if isinstance(values, dict) else None
        if isinstance(turned, int) and 0 < turned <= depth.DEEPEST:  # the field refuses others
            return {**depth.settings(turned), **values}
        return values

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        if self.pretrain != "none" and self.answer != "class":
            raise ValueError(f"--pretrain {self.pretrain} answers nothing: leave out --answer")
        if self.width % self.heads:
            raise ValueError(f"--heads {self.heads} do not divide --width {self.width}")
        if self.positions == "rotary" and self.width // self.heads % 2:
            raise ValueError(
                f"--positions rotary turn pairs: {self.width // self.heads}, the width of a head, "
                "is odd"
            )
        if self.positions == "sinusoidal" and self.width % 2:
            raise ValueError(f"--positions sinusoidal are pairs: --width {self.width} is odd")
        return self
