"""Call what an experiment offers beyond training, on inputs that it gives itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lab.engine.evaluation import call_capability, evaluation_scope
from lab.option_text import unwrap
from lab.options import Options, build
from lab.spec import import_object
from lab.testing.subject import CheckFailed, Subject

EXAMPLES = 3


def use_everything(subject: Subject, experiment: Any, ctx: Any) -> None:
    """Call `predict`, and every capability. What fails is reported by its own checks."""
    with _telling_only_promises(), evaluation_scope(ctx, "check"):
        answers(experiment)
    for name in subject.spec.capabilities:
        with tempfile.TemporaryDirectory(dir=subject.folder) as folder, _telling_only_promises():
            use(subject, experiment, ctx, name, Path(folder))


@contextmanager
def _telling_only_promises() -> Iterator[None]:
    try:
        yield
    except CheckFailed:
        raise
    except Exception:  # of the plugin: it may fail in any way
        return


def answers(experiment: Any, number: int = EXAMPLES) -> Any:
    """Return what the experiment makes of its own examples; None where it does not predict."""
    if not (hasattr(experiment, "predict") and hasattr(experiment, "example")):
        return None
    return experiment.predict(experiment.example(number))


def use(
    subject: Subject, experiment: Any, ctx: Any, name: str, folder: Path, **requested: Any
) -> tuple[Options, Any]:
    """Call a capability; return the options that it got, and what it returned.

    What is to be written goes to `folder`. Options are the model's defaults, but for a field's own
    `examples`, the experiment's own inputs where `inputs` is a field, and `requested`.
    """
    model: type[Options] = import_object(subject.spec.capabilities[name])
    values = {**_examples(model), **_paths(model, folder)}
    if "inputs" in model.model_fields and hasattr(experiment, "example"):
        with evaluation_scope(ctx, "check"):
            values["inputs"] = words(experiment.example(EXAMPLES), folder)
    applicable = {field: value for field, value in requested.items() if field in model.model_fields}
    options = build(model, {**values, **applicable})
    return options, call_capability(experiment, ctx, name, options)


def _examples(model: type[Options]) -> Mapping[str, Any]:
    fields = model.model_fields.items()
    return {name: field.examples[0] for name, field in fields if field.examples}


def _paths(model: type[Options], folder: Path) -> Mapping[str, Path]:
    fields = model.model_fields.items()
    return {name: folder / name for name, field in fields if Path in unwrap(field.annotation)}


def words(inputs: Any, folder: Path) -> tuple[str, ...]:
    """Write inputs as `lab predict` reads them: pictures as files, texts as they are, the rest as
    rows of numbers."""
    rows = [np.asarray(row) for row in inputs]
    if rows[0].dtype.kind == "U":
        return tuple(map(str, rows))
    if rows[0].ndim == 3:
        return tuple(_picture(row, folder / f"{n}.png") for n, row in enumerate(rows))
    return tuple(",".join(map(repr, row.ravel().tolist())) for row in rows)


def _picture(row: Any, path: Path) -> str:
    """Write an image uint8 [C, H, W], or floats up to 1."""
    from PIL import Image

    if row.dtype != np.uint8:
        row = (255 * row.clip(0, 1)).astype(np.uint8)
    pixels = row.transpose(1, 2, 0)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path)
    return str(path)
