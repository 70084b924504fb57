"""List the options of the sources; `--data-args` fills them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import lab


class Seeded(lab.Options):
    """What is drawn from a seed. It is the data's own: runs of all seeds learn from the same."""

    seed: int = Field(0, ge=0, description="Seed of what is drawn.")


class Shapes(Seeded):
    n: int = Field(6_000, ge=1, description="Images.")
    difficulty: float = Field(
        0.5, ge=0, le=1, description="Clutter, noise, faint colors, and how places and sizes vary."
    )
    task: Literal["classify", "segment"] = Field(
        "classify", description="Name the figure, or the class of each pixel."
    )
    held_out: bool = Field(
        False, description="Test on classes in quarters of the image where train never has them."
    )


class MovingShapes(Seeded):
    n: int = Field(1_000, ge=1, description="Clips.")
    frames: int = Field(12, ge=2, description="Frames in a clip.")
    difficulty: float = Field(0.3, ge=0, le=1, description="Noise, and how faint colors are.")
    target: Literal["motion", "figure"] = Field(
        "motion", description="Label of a frame: where the figure moved to, or which one is seen."
    )


class AffineDigits(Seeded):
    size: int = Field(20, ge=12, le=64, description="Side of the canvas in pixels.")
    copies: int = Field(1, ge=1, description="Images made of each digit.")
    shift: int = Field(4, ge=0, description="Largest shift each way in pixels.")
    rotate: float = Field(20, ge=0, le=180, description="Largest turn each way in degrees.")
    scale: float = Field(0.2, ge=0, lt=1, description="Largest change of size, as a fraction.")
    centered: bool = Field(False, description="Train on digits as they are, test on moved ones.")


class OverlappingDigits(Seeded):
    n: int = Field(4_000, ge=450, description="Images.")
    size: int = Field(12, ge=8, le=64, description="Side of the canvas in pixels.")
    shift: int = Field(2, ge=0, description="Largest shift each way in pixels.")


class Spirals(Seeded):
    n: int = Field(2_000, ge=1, description="Points.")
    arms: int = Field(2, ge=2, description="Arms, each a class.")
    turns: float = Field(1.5, gt=0, description="How often an arm winds around.")
    noise: float = Field(0.05, ge=0, description="Standard deviation of the points, for radius 1.")


class Xor(Seeded):
    n: int = Field(1_000, ge=4, description="Points.")
    noise: float = Field(
        0.2, ge=0, description="Standard deviation around the corners; 0 repeats the truth table."
    )


class Ring(Seeded):
    n: int = Field(8_000, ge=1, description="Points.")
    modes: int = Field(8, ge=1, description="Gaussians.")
    radius: float = Field(2, gt=0, description="Radius of the circle.")
    std: float = Field(0.02, ge=0, description="Standard deviation of each.")


class Grid(Seeded):
    n: int = Field(10_000, ge=1, description="Points.")
    side: int = Field(5, ge=1, description="Gaussians in a row.")
    spacing: float = Field(2, gt=0, description="Distance of neighbors.")
    std: float = Field(0.05, ge=0, description="Standard deviation of each.")


class Waves(Seeded):
    n: int = Field(2_000, ge=1, description="Sequences.")
    steps: int = Field(
        32, ge=8, description="Steps of a sequence; three periods need more than six."
    )
    noise: float = Field(0.05, ge=0, description="Standard deviation around the wave.")


class Sentences(Seeded):
    n: int = Field(0, ge=0, description="Different sentences; 0 for all 9,600.")


class Images(lab.Options):
    """How files become images of one size."""

    size: int = Field(
        0, ge=0, description="Side to resize to; 0 for the images' median, at most 64 a side."
    )
    max_eager_mb: int = Field(
        1_024, ge=0, description="MB up to which all are decoded at once; more is read by batch."
    )


class Folder(Images):
    pass


class Cifar(lab.Options):
    labels: Literal["fine", "coarse"] = Field(
        "fine", description="Of CIFAR-100: its 100 classes, or the 20 above them."
    )


class Arrays(lab.Options):
    task: Literal["auto", "classify", "regress", "segment"] = Field(
        "auto", description="What y is; auto: whole numbers and words are classes, floats values."
    )


class Columns(lab.Options):
    """Which columns of a table are learned from, and what they hold."""

    target: str = Field("", description="Column to predict; by default its name or place says it.")
    task: Literal["auto", "classify", "regress"] = Field(
        "auto", description="What the target is; auto: few whole numbers and words are classes."
    )
    drop: str = Field("", description="Columns to leave out, joined by +.")


class Text(lab.Options):
    """How a file of text is written."""

    encoding: str = Field("", description="latin-1, cp1252, ...; UTF-8 and UTF-16 are recognized.")


class Form(Text):
    """How a CSV file is written."""

    delimiter: str = Field("", description="Between fields: , ; | or tab; told from the file.")
    decimal: Literal["", ".", ","] = Field("", description="Decimal mark; told from the file.")
    na: str = Field(
        "", description="Words for what is missing beside NA and the like, joined by +."
    )


class CSV(Columns, Form):
    pass


class CSVText(Form):
    """Which columns of a CSV file are texts and their classes."""

    text: str = Field("", description="Column of texts; by default its name or length says it.")
    target: str = Field("", description="Column of classes; by default its name or place says it.")


class Hub(Images):
    task: Literal["classify", "regress", "none"] = Field(
        "classify", description="What the label is; none where there is no label."
    )
    config: str = Field("", description="Configuration of the data set, where it has several.")
    split: str = Field("", description="Only this split; by default train, and test as test.")
    image: str = Field("", description="Column of images; by default the first of that type.")
    label: str = Field("", description="Column of labels; by default the first of that type.")
