"""Transformers are torch's, block by block; what comes later, and padding, is nothing to them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from lab.sequence import (
    ATTENTION,
    Block,
    BlockConfig,
    Decoder,
    Encoder,
    TokenEmbedding,
    causal_mask,
    initialize_transformer,
    keep_mask,
    key_mask,
)
from lab.sequence.positions import Learned

M = TypeVar("M", bound=nn.Module)
SMALL = BlockConfig(8, 2, feedforward=20)
KEEP = keep_mask(torch.tensor([2, 6, 4]), 6)
MEMORY_KEEP = keep_mask(torch.tensor([5, 1, 3]), 5)


def close(one: object, other: object, *, atol: float = 1e-5) -> None:
    torch.testing.assert_close(one, other, atol=atol, rtol=0)


def unlike_a_start(module: M) -> M:
    """Draw every parameter anew, so that no bias is 0 and no gain 1."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module


def torchs(layer: type[M], config: BlockConfig) -> M:
    made = layer(
        config.width,
        config.heads,
        config.feedforward,
        dropout=0.0,
        activation=config.activation,
        norm_first=config.pre_norm,
        bias=config.bias,
        batch_first=True,
    )
    return unlike_a_start(made)


@pytest.fixture(params=["post-relu", "pre-gelu", "pre-nobias"])
def config(request) -> BlockConfig:
    return {
        "post-relu": SMALL,
        "pre-gelu": replace(SMALL, activation="gelu", pre_norm=True),
        "pre-nobias": replace(SMALL, pre_norm=True, bias=False),
    }[request.param]


@pytest.mark.parametrize("training", [True, False])
def test_a_block_is_torchs_encoder_layer(config, training) -> None:
    reference = torchs(nn.TransformerEncoderLayer, config)
    block = Block(config)
    block.load_state_dict(reference.state_dict())
    x = torch.randn(3, 6, 8)
    expected = reference.train(training)(x, src_key_padding_mask=~KEEP)
    close(block.train(training)(x, mask=key_mask(KEEP))[KEEP], expected[KEEP])


@pytest.mark.parametrize("training", [True, False])
def test_a_block_with_cross_attention_is_torchs_decoder_layer(config, training) -> None:
    reference = torchs(nn.TransformerDecoderLayer, config)
    block = Block(config, cross=True)
    block.load_state_dict(reference.state_dict())
    x, memory = torch.randn(3, 6, 8), torch.randn(3, 5, 8)
    expected = reference.train(training)(
        x, memory, tgt_mask=~causal_mask(6), memory_key_padding_mask=~MEMORY_KEEP
    )
    outputs = block.train(training)(x, memory, causal=True, memory_mask=key_mask(MEMORY_KEEP))
    close(outputs, expected)


@pytest.mark.parametrize("implementation", ATTENTION)
def test_stacks_are_torchs_with_a_last_norm_behind_pre_norm_blocks(config, implementation) -> None:
    config = replace(config, implementation=implementation)
    norm = nn.LayerNorm(8, bias=config.bias) if config.pre_norm else None
    layer = torchs(nn.TransformerEncoderLayer, config)
    theirs = nn.TransformerEncoder(layer, 3, norm, enable_nested_tensor=False)
    unlike_a_start(theirs)  # the layers differ now
    ours = Encoder(3, config)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(3, 6, 8)
    close(ours(x, KEEP)[KEEP], theirs(x, src_key_padding_mask=~KEEP)[KEEP])

    their_decoder = nn.TransformerDecoder(torchs(nn.TransformerDecoderLayer, config), 2, norm)
    unlike_a_start(their_decoder)
    decoder = Decoder(2, config, cross=True)
    decoder.load_state_dict(their_decoder.state_dict())
    y = torch.randn(3, 5, 8)
    expected = their_decoder(y, x, tgt_mask=~causal_mask(5), memory_key_padding_mask=~KEEP)
    close(decoder(y, x, memory_keep=KEEP), expected)


KINDS = {
    "plain": SMALL,
    "modern": replace(SMALL, pre_norm=True, bias=False, qk_norm=True, rotary=True),
    "sdpa": replace(SMALL, pre_norm=True, implementation="sdpa"),
}


@pytest.fixture(params=KINDS)
def decoder(request) -> Decoder:
    return Decoder(2, KINDS[request.param], cross=True).eval()


def test_what_comes_later_changes_nothing_before_it(decoder) -> None:
    x, memory = torch.randn(3, 6, 8), torch.randn(3, 5, 8)
    outputs = decoder(x, memory)
    for t in range(6):
        changed = x.clone()
        changed[:, t] += torch.randn(8)
        others = decoder(changed, memory)
        assert torch.equal(others[:, :t], outputs[:, :t])
        assert not torch.isclose(others[:, t:], outputs[:, t:]).all(-1).any()


def test_gradients_reach_no_later_input(decoder) -> None:
    x = torch.randn(1, 6, 8, requires_grad=True)
    outputs = decoder(x, torch.randn(1, 5, 8))
    pulled = (outputs[:, 3] * torch.randn(8)).sum()  # of a plain sum, a last norm leaves 0
    (gradient,) = torch.autograd.grad(pulled, x)
    assert not gradient[:, 4:].any()
    assert gradient[:, :4].any(-1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_padding_is_nothing_to_an_encoder(kind) -> None:
    """Neither what stands in it, to the bit, nor how long it is; nor who else is in the batch."""
    encoder = Encoder(2, KINDS[kind]).eval()
    x = torch.randn(3, 6, 8)
    outputs = encoder(x, KEEP)
    other = x.where(KEEP[:, :, None], 50 * torch.randn(3, 6, 8))
    assert torch.equal(encoder(other, KEEP)[KEEP], outputs[KEEP])
    longer = encoder(torch.cat([x, torch.randn(3, 3, 8)], 1), nn.functional.pad(KEEP, (0, 3)))
    close(longer[:, :6][KEEP], outputs[KEEP])
    for row, length in enumerate(KEEP.sum(1).tolist()):
        close(encoder(x[row : row + 1, :length])[0], outputs[row, :length])


def test_padding_of_a_memory_is_nothing_to_a_decoder(decoder) -> None:
    x, memory = torch.randn(3, 6, 8), torch.randn(3, 5, 8)
    outputs = decoder(x, memory, keep=KEEP, memory_keep=MEMORY_KEEP)
    assert torch.equal(outputs[KEEP], decoder(x, memory, memory_keep=MEMORY_KEEP)[KEEP])
    other = memory.where(MEMORY_KEEP[:, :, None], 50 * torch.randn(3, 5, 8))
    assert torch.equal(decoder(x, other, memory_keep=MEMORY_KEEP), outputs.where(
        KEEP[:, :, None], decoder(x, memory, memory_keep=MEMORY_KEEP)
    ))  # fmt: skip
    for row, length in enumerate(MEMORY_KEEP.sum(1).tolist()):
        alone = decoder(x[row : row + 1], memory[row : row + 1, :length])
        close(alone[0][KEEP[row]], outputs[row][KEEP[row]])


def test_steps_that_are_no_steps_are_seen_by_none(decoder) -> None:
    """Of a decoder padded in front, `keep` hides what the causal mask does not."""
    x, memory = torch.randn(3, 6, 8), torch.randn(3, 5, 8)
    keep = KEEP.flip(1)
    outputs = decoder(x, memory, keep=keep)
    other = x.where(keep[:, :, None], 50 * torch.randn(3, 6, 8))
    assert torch.equal(decoder(other, memory, keep=keep)[keep], outputs[keep])
    assert outputs.isfinite().all()


def test_dropout_is_of_what_each_sublayer_adds() -> None:
    block = Block(replace(SMALL, dropout=1.0, pre_norm=True), cross=True)
    x, memory = torch.randn(3, 6, 8), torch.randn(3, 5, 8)
    assert torch.equal(block(x, memory), x)
    assert not torch.equal(block.eval()(x, memory), x)
    post = Block(replace(SMALL, dropout=1.0), cross=True)
    assert post.norm3 is not None
    close(post(x, memory), post.norm3(post.norm2(post.norm1(x))))
    weights = [
        module.dropout
        for module in Block(replace(SMALL, attention_dropout=0.3), cross=True).modules()
        if hasattr(module, "in_proj_weight")
    ]
    assert weights == [0.3, 0.3]


def test_a_memory_that_is_missing_or_too_many_is_told() -> None:
    x = torch.randn(1, 2, 8)
    with pytest.raises(ValueError, match="a decoder with cross attention needs a memory"):
        Decoder(1, SMALL, cross=True)(x)
    with pytest.raises(ValueError, match="a decoder without cross attention takes no memory"):
        Decoder(1, SMALL)(x, x)


class GPT(nn.Module):
    """A language model as in nanoGPT, of tied weights and learned positions."""

    def __init__(self, vocab_size: int, capacity: int, layers: int, config: BlockConfig) -> None:
        super().__init__()
        self.tokens = TokenEmbedding(vocab_size, config.width)
        self.positions = Learned(config.width, capacity)
        self.decoder = Decoder(layers, config)

    def forward(self, tokens: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1])[None]
        return self.tokens.logits(self.decoder(self.tokens(tokens) + self.positions(positions)))


@pytest.mark.parametrize(
    ("sizes", "published"),
    [
        ((65, 256, 6, BlockConfig(384, 6, pre_norm=True, bias=False)), 10_745_088),
        ((65, 64, 4, BlockConfig(128, 4, pre_norm=True, bias=False)), 804_096),
        ((50_257, 1_024, 12, BlockConfig(768, 12, pre_norm=True)), 124_439_808),
    ],
    ids=["nanogpt-char", "nanogpt-cpu", "gpt2"],
)
def test_language_models_have_their_published_sizes(sizes, published) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in GPT(*sizes).parameters()) == published


def test_the_base_model_of_2017_has_its_published_size() -> None:
    """Table 3: 65 million with 37,000 shared tokens."""
    config = BlockConfig(512, 8)
    with torch.device("meta"):
        parts = [TokenEmbedding(37_000, 512), Encoder(6, config), Decoder(6, config, cross=True)]
    total = sum(p.numel() for part in parts for p in part.parameters())
    assert total == pytest.approx(65e6, rel=0.03)


def test_a_scaled_embedding_is_of_the_size_of_positions_and_scores_unscaled() -> None:
    tokens = torch.arange(50)[None]
    plain, scaled = TokenEmbedding(50, 64), TokenEmbedding(50, 64, scaled=True)
    scaled.load_state_dict(plain.state_dict())
    close(scaled(tokens), plain(tokens) * 8)
    assert scaled(tokens).std().item() == pytest.approx(1, rel=0.1)
    outputs = torch.randn(2, 3, 64)
    close(scaled.logits(outputs), outputs @ plain.weight.T)
    assert len(list(scaled.parameters())) == 1


def test_gpt2_weights_begin_smaller_where_they_add_up() -> None:
    config = BlockConfig(64, 4, pre_norm=True)
    net = GPT(100, 32, 8, config)
    first, *_, block = net.decoder.blocks()
    nn.init.normal_(first.linear1.bias)
    initialize_transformer(net, "gpt2")
    for weight in (block.self_attn.in_proj_weight, block.linear1.weight, net.tokens.weight):
        assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    for weight in (block.self_attn.out_proj.weight, block.linear2.weight):
        assert weight.std().item() == pytest.approx(0.02 / math.sqrt(16), rel=0.05)
    assert not any(p.any() for name, p in net.named_parameters() if name.endswith("bias"))
    assert isinstance(net.decoder.norm, nn.LayerNorm)
    assert torch.equal(net.decoder.norm.weight, torch.ones(64))


def test_xavier_weights_are_uniform_for_each_matrix_by_itself() -> None:
    net = GPT(100, 32, 2, BlockConfig(64, 4))
    initialize_transformer(net, "xavier")
    block = next(net.decoder.blocks())
    for weight, fans in (
        (block.self_attn.in_proj_weight, 128),  # not 256, as of the three in one
        (block.self_attn.out_proj.weight, 128),
        (block.linear1.weight, 320),
    ):
        bound = math.sqrt(6 / fans)
        assert weight.abs().max().item() == pytest.approx(bound, rel=0.01)
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert net.tokens.weight.std().item() == pytest.approx(1 / 8, rel=0.05)


def test_other_initial_weights_are_untouched_or_told() -> None:
    block = Block(SMALL)
    before = {name: value.clone() for name, value in block.state_dict().items()}
    initialize_transformer(block, "default")
    close(block.state_dict(), before, atol=0)
    with pytest.raises(ValueError, match="no initial weights 'he'; there is: default, xavier"):
        initialize_transformer(block, "he")
