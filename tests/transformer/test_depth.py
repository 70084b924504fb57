"""One dial sets everything that grows, and what is said beside it holds."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lab.plugins import discover
from lab.resolve import resolve
from lab_transformer import depth
from lab_transformer.config import Config


@pytest.mark.parametrize("blocks", [1, 2, 4, 12])
def test_width_heads_and_layers_follow_from_the_depth(blocks: int) -> None:
    config = Config(depth=blocks)
    assert (config.layers, config.heads) == (blocks, blocks)
    assert config.width == 32 * config.heads
    assert config.lr == pytest.approx(8e-3 / blocks)
    assert config.budget == depth.budget(blocks)


def test_what_is_said_beside_the_dial_holds() -> None:
    config = Config(depth=4, lr=1e-4, heads=8)
    assert (config.lr, config.heads, config.width) == (1e-4, 8, 128)


def test_the_dial_stands_in_for_a_preset() -> None:
    spec = discover().experiment("transformer")
    resolved = resolve(spec, {"data": "reverse", "depth": 2})
    assert resolved.preset is None
    assert resolved.config.model_dump()["width"] == 64
    assert resolved.run.budget == depth.budget(2)
    assert resolve(spec, {"data": "reverse"}).preset == "reverse"


def test_a_depth_that_is_none_is_refused() -> None:
    for wrong in (0, -1, "deep"):
        with pytest.raises(ValidationError):
            Config.model_validate({"depth": wrong})
