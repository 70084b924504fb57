"""List the options of the sources of trees; `--data-args` fills them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab_sources.options import Seeded, Text


class SentimentTrees(Seeded):
    n: int = Field(4_000, ge=100, le=20_000, description="Different sentences.")


class Grammar(Seeded):
    n: int = Field(4_000, ge=100, le=20_000, description="Different sentences.")
    longest: int = Field(16, ge=8, le=40, description="Words of the longest.")


class Scenes(Seeded):
    n: int = Field(3_000, ge=100, le=20_000, description="Different scenes.")
    objects: int = Field(4, ge=2, le=8, description="Objects of a scene, at most.")


class Expressions(Seeded):
    n: int = Field(3_000, ge=100, description="Different expressions, at most.")
    longest: int = Field(15, ge=5, le=100, description="Tokens of the longest.")


class TreeFiles(Text):
    task: Literal["auto", "classify", "parse"] = Field(
        "auto", description="Learn the classes of nodes, or the trees; auto: classes, if any."
    )
    binarize: Literal["", "left", "right"] = Field(
        "", description="Make nodes of more than two children binary, from this side."
    )
    min_count: int = Field(
        1, ge=1, description="Words that come less often, or not in train.txt, are <unk>."
    )
