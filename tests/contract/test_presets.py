"""Every preset draws a curve."""

from __future__ import annotations

from typing import Any

import pytest

from lab.plugins import discover
from lab.resolve import resolve

LEAST = 8
# One evaluation reads a whole text, draws hundreds of pictures or writes thousands of words.
DEAR = {
    ("diffusion", "digits"): 3,
    ("diffusion", "mnist5k"): 2,
    ("rnn", "stdlib"): 2,
    ("seq2seq", "cmudict"): 6,
    ("transformer", "stdlib"): 4,
}
OWN = [spec for spec in discover().experiments() if spec.experiment.startswith("lab_")]


@pytest.mark.parametrize("spec", OWN, ids=lambda spec: spec.name)
def test_presets_evaluate_often_enough_for_a_curve(spec) -> None:
    for preset in set(spec.presets) - {"tiny"}:
        run: Any = resolve(spec, {}, preset=preset).run
        assert run.budget // run.eval_every >= DEAR.get((spec.name, preset), LEAST), preset
