"""Networks are the published ones: parameters to the unit, and torch's layers give the same.

Large ones are made on torch's meta device: shapes without data.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformer.info import info

from lab.sequence import BlockConfig, TokenDecoder, causal_mask
from lab_transformer.config import Config
from lab_transformer.networks.answers import Labeler
from lab_transformer.networks.translator import Translator


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("width", "heads", "patch", "expected"),
    [(768, 12, 16, 86_567_656), (192, 3, 16, 5_717_416), (768, 12, 32, 88_224_232)],
)
def test_vit_has_as_many_parameters_as_the_published_one(width, heads, patch, expected) -> None:
    """vit_b_16, vit_tiny_patch16 and vit_b_32 of 1,000 classes at 224 x 224."""
    config = Config(layers=12, width=width, heads=heads, patch=patch)
    with torch.device("meta"):
        network = Labeler(config, info("image", (3, 224, 224), 1000))
    assert parameters(network) == expected


@pytest.mark.parametrize(
    ("words", "capacity", "block", "layers", "expected"),
    [
        (50_257, 1024, BlockConfig(768, 12, activation="gelu", pre_norm=True), 12, 124_439_808),
        (65, 64, BlockConfig(128, 4, activation="gelu", pre_norm=True, bias=False), 4, 804_096),
    ],
)
def test_a_decoder_has_as_many_parameters_as_gpt(words, capacity, block, layers, expected) -> None:
    """GPT-2, and nanoGPT's setting for a CPU."""
    with torch.device("meta"):
        decoder = TokenDecoder(
            words, layers, block, positions="learned", capacity=capacity, tied=True
        )
    assert parameters(decoder) == expected


def test_patches_are_read_row_by_row_by_one_linear_map() -> None:
    config = Config(layers=1, width=8, heads=2, patch=2)
    network: Any = Labeler(config, info("image", (3, 4, 6)))
    pictures = torch.randn(2, 3, 4, 6)
    proj = network.reader.embed.proj
    steps, lengths = network.reader.embed(pictures)
    assert lengths is None
    assert network.reader.embed.grid == (2, 3)
    flat = nn.functional.unfold(pictures, 2, stride=2).transpose(1, 2)  # [B, 6, 12], row by row
    expected = flat @ proj.weight.detach().flatten(1).T + proj.bias.detach()
    torch.testing.assert_close(steps.detach(), expected, atol=1e-5, rtol=0)


def torchs(config: Config, encoder: nn.Module, x: Tensor) -> Tensor:
    """Return what torch's own encoder makes of x with the same weights."""
    norm_first = config.norm == "pre"
    layer = nn.TransformerEncoderLayer(
        config.width,
        config.heads,
        4 * config.width,
        0.0,
        config.activation,
        batch_first=True,
        norm_first=norm_first,
    )
    made = nn.TransformerEncoder(
        layer,
        config.layers,
        norm=nn.LayerNorm(config.width) if norm_first else None,
        enable_nested_tensor=False,
    )
    made.load_state_dict(encoder.state_dict())
    return made(x)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_vit_is_a_class_token_positions_and_torchs_encoder(norm: Any) -> None:
    config = Config(layers=2, width=8, heads=2, patch=2, norm=norm)
    network: Any = Labeler(config, info("image", (1, 4, 4)))
    reader, pictures = network.reader, torch.randn(3, 1, 4, 4)
    with torch.no_grad():
        patches, _ = reader.embed(pictures)
        x = torch.cat([reader.cls_token.expand(3, 1, 8), patches], 1) + reader.pos_embed.weight
        expected = network.head(torchs(config, reader.encoder, x)[:, 0])
        torch.testing.assert_close(network(pictures), expected, atol=1e-5, rtol=0)


def test_the_encoder_decoder_of_2017_is_torchs(generator: torch.Generator) -> None:
    """Post-norm with a rectifier; embeddings scaled by sqrt(width), sines and cosines added."""
    config = Config(
        data="reverse", layers=2, width=8, heads=2, norm="post", activation="relu",
        positions="sinusoidal",
    )  # fmt: skip
    words = ("", "x", "y", "z")
    facts = info("tokens", (5,), outputs=4, task="translate", classes=(), target_vocabulary=words)
    network: Any = Translator(config, facts)
    theirs = nn.Transformer(8, 2, 2, 2, 32, 0.0, batch_first=True)
    theirs.encoder.norm = theirs.decoder.norm = None  # which the paper does not have
    theirs.encoder.load_state_dict(network.reader.encoder.state_dict())
    theirs.decoder.load_state_dict(network.decoder.blocks.state_dict())
    tokens = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 0, 0, 0]])
    given = torch.tensor([[4, 1, 2], [4, 3, 3]])
    angle = torch.arange(5.0)[:, None] / 10_000 ** (torch.arange(0, 8, 2) / 8)
    positions = torch.stack([angle.sin(), angle.cos()], -1).flatten(1)
    with torch.no_grad():
        source = network.reader.embed.read.weight[tokens] * 8**0.5 + positions
        target = network.decoder.embed.weight[given] * 8**0.5 + positions[:3]
        padding = tokens == 0
        outputs = theirs(
            source, target, tgt_mask=~causal_mask(3), src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
        )  # fmt: skip
        expected = outputs @ network.decoder.embed.weight[:4].T
        torch.testing.assert_close(network(tokens, given), expected, atol=1e-5, rtol=0)
