"""Networks compute what the papers say, and go step by step as they go all at once."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from seq2seq.conftest import info, small
from torch import Tensor, nn
from torch.nn import functional

from lab.sequence import beam_search, greedy
from lab_seq2seq.model import build

KINDS = ("rnn", "lstm", "gru", "transformer")
COMBINATIONS = list(product(KINDS, KINDS, ("attention", "vector")))
SOURCE = torch.tensor([[1, 2, 3, 1, 2], [3, 1, 0, 0, 0], [2, 0, 0, 0, 0]])
TOKENS = torch.tensor([[4, 1, 2, 3], [4, 3, 3, 0], [4, 2, 1, 1]])


def network(**options: Any) -> Any:
    torch.manual_seed(0)
    return build(small(**options), info()).eval()


def stepwise(net: Any, inputs: Tensor, tokens: Tensor) -> Tensor:
    state, logits = net.start(inputs, None, tokens.shape[1]), []
    for column in tokens.T:
        scores, state = net.step(column, state)
        logits.append(scores)
    return torch.stack(logits, 1)


@pytest.mark.parametrize(("encoder", "decoder", "context"), COMBINATIONS)
def test_each_pair_goes_step_by_step_as_all_at_once(encoder, decoder, context) -> None:
    net = network(encoder=encoder, decoder=decoder, context=context, layers=2)
    with torch.no_grad():
        logits = net(SOURCE, TOKENS)
        assert logits.shape == (3, 4, 4)
        torch.testing.assert_close(stepwise(net, SOURCE, TOKENS), logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("encoder", "decoder", "context"), COMBINATIONS)
def test_neither_padding_nor_what_is_to_come_changes_a_score(encoder, decoder, context) -> None:
    net = network(encoder=encoder, decoder=decoder, context=context)
    with torch.no_grad():
        logits = net(SOURCE, TOKENS)
        alone = net(SOURCE[1:2, :2], TOKENS[1:2])
        torch.testing.assert_close(logits[1:2], alone, atol=1e-5, rtol=1e-5)
        later = TOKENS.clone()
        later[:, 2:] = 1
        torch.testing.assert_close(net(SOURCE, later)[:, :2], logits[:, :2], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("encoder", "decoder"), list(product(KINDS, KINDS)))
def test_a_vector_is_all_that_a_decoder_knows_through_the_bottleneck(encoder, decoder) -> None:
    """Every way from the source to a score leads through the summary."""
    net = network(encoder=encoder, decoder=decoder, context="vector")
    encoding = net.encode(SOURCE)
    assert encoding.memory.shape == (3, 1, 16)
    assert encoding.keep is None
    assert torch.equal(encoding.memory[:, 0], encoding.summary)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("alignment", ["additive", "dot", "general"])
def test_recurrent_networks_attend_as_luong_et_al_write(bidirectional, alignment) -> None:
    """By torch's own modules, and equations 5 and 8 written out."""
    net = network(alignment=alignment, bidirectional=bidirectional)
    units = 8 if bidirectional else 16
    encoder = nn.GRU(16, units, batch_first=True, bidirectional=bidirectional)
    encoder.load_state_dict(net.encoder.cells.state_dict())
    decoder = nn.GRU(16, 16, batch_first=True)
    decoder.load_state_dict(net.decoder.cells.state_dict())
    parts = dict(net.named_parameters())
    for row in range(3):
        read = SOURCE[row][SOURCE[row] != 0]
        memory, end = encoder(parts["inputs.read.weight"][read][None])
        summary = end.transpose(0, 1).flatten(1)
        begin = torch.tanh(summary @ parts["decoder.begin.weight"].T + parts["decoder.begin.bias"])
        states, _ = decoder(parts["decoder.embedding.weight"][TOKENS[row]][None], begin[None])
        for step in range(4):
            h, m = states[0, step], memory[0]  # [W], [S, W]
            if alignment == "dot":
                scores = m @ h
            elif alignment == "general":
                scores = (m @ parts["decoder.alignment.memory.weight"].T) @ h
            else:
                hidden = torch.tanh(
                    h @ parts["decoder.alignment.query.weight"].T
                    + m @ parts["decoder.alignment.memory.weight"].T
                )
                scores = hidden @ parts["decoder.alignment.score.weight"][0]
            c = scores.softmax(0) @ m
            attentional = torch.tanh(parts["decoder.combine.weight"] @ torch.cat([c, h]))
            expected = parts["decoder.scores.weight"] @ attentional + parts["decoder.scores.bias"]
            actual = net(SOURCE, TOKENS)[row, step]
            torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5)


def test_an_lstm_begins_from_both_halves_of_what_the_summary_gives() -> None:
    net = network(encoder="lstm", decoder="lstm", context="vector", layers=2)
    summary = net.encode(SOURCE).summary
    weight, bias = net.decoder.begin.weight, net.decoder.begin.bias
    values = torch.tanh(summary @ weight.T + bias)  # (B, 2 states, 2 layers, W)
    cells = net.start(SOURCE, None, 4)["cells"]
    torch.testing.assert_close(cells["hidden"].flatten(1), values[:, :32])
    torch.testing.assert_close(cells["cell"].flatten(1), values[:, 32:])


def test_transformers_are_those_of_torch_behind_scaled_words_and_waves() -> None:
    """nn.Transformer's encoder and decoder, with norms first, on sqrt(W) E + sines and cosines."""
    net = network(encoder="transformer", decoder="transformer", layers=2)
    how: dict[str, Any] = {"dim_feedforward": 64, "dropout": 0.0, "batch_first": True}
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(16, 2, norm_first=True, **how),
        2,
        nn.LayerNorm(16),
        enable_nested_tensor=False,
    )
    encoder.load_state_dict(net.encoder.blocks.state_dict())
    decoder = nn.TransformerDecoder(
        nn.TransformerDecoderLayer(16, 2, norm_first=True, **how), 2, nn.LayerNorm(16)
    )
    decoder.load_state_dict(net.decoder.tokens.blocks.state_dict())
    waves = torch.tensor(
        [
            [
                (math.sin if column % 2 == 0 else math.cos)(p / 10_000 ** (column // 2 * 2 / 16))
                for column in range(16)
            ]
            for p in range(5)
        ]
    )
    padding = SOURCE == 0
    read = 4 * functional.embedding(SOURCE, net.inputs.read.weight) + waves
    memory = encoder(read, src_key_padding_mask=padding)
    written = 4 * functional.embedding(TOKENS, net.decoder.tokens.embed.weight) + waves[:4]
    causal = nn.Transformer.generate_square_subsequent_mask(4)
    outputs = decoder(written, memory, causal, memory_key_padding_mask=padding)
    expected = outputs @ net.decoder.tokens.head.weight.T
    torch.testing.assert_close(net(SOURCE, TOKENS), expected, atol=1e-5, rtol=1e-5)


def test_the_summary_of_a_transformer_is_the_mean_of_the_steps_there_are() -> None:
    encoding = network(encoder="transformer", context="vector").encode(SOURCE)
    whole = network(encoder="transformer", decoder="gru").encode(SOURCE)
    for row, length in enumerate((5, 2, 1)):
        mean = whole.memory[row, :length].mean(0)
        torch.testing.assert_close(encoding.summary[row], mean)


@pytest.mark.parametrize(("encoder", "decoder"), [("gru", "lstm"), ("transformer", "transformer")])
def test_a_beam_that_holds_everything_finds_the_likeliest_sentence(encoder, decoder) -> None:
    """Scores of all sentences of up to three tokens, by teacher forcing, one by one."""
    net = network(encoder=encoder, decoder=decoder)
    found = {}
    with torch.no_grad():
        for first, second, third in product(range(4), repeat=3):
            sentence = [first, second, third]
            if 0 in sentence:
                sentence = sentence[: sentence.index(0) + 1]
            read = torch.tensor([[4, *sentence[:-1]]])
            nats = net(SOURCE[:1], read)[0].log_softmax(-1)
            found[tuple(sentence)] = sum(
                float(nats[step, token]) for step, token in enumerate(sentence)
            )
    best = max(found, key=lambda sentence: found[sentence])
    how: dict[str, Any] = {"max_tokens": 3, "stop": {0}}
    begin = torch.tensor([[4]])
    ((top, *_),) = beam_search(
        net.step, net.start(SOURCE[:1], None, 3), begin, beam_width=16, **how
    )
    assert top.tokens == [token for token in best if token]
    assert top.log_probability == pytest.approx(found[best], abs=1e-4)
    (plain,) = greedy(net.step, net.start(SOURCE[:1], None, 3), begin, **how)
    assert plain.log_probability <= top.log_probability + 1e-5


@pytest.mark.parametrize("positions", ["learned", "rotary"])
@pytest.mark.parametrize("encoder", ["transformer", "gru"])
def test_order_is_seen_whatever_tells_of_it(positions, encoder) -> None:
    net = network(encoder=encoder, decoder="transformer", positions=positions)
    assert not torch.allclose(net(SOURCE, TOKENS)[0], net(SOURCE.flip(1), TOKENS)[0], atol=1e-5)
    torch.testing.assert_close(stepwise(net, SOURCE, TOKENS), net(SOURCE, TOKENS))


@pytest.mark.parametrize(
    ("kind", "shape"), [("sequence", (6, 3)), ("image", (3, 8, 8)), ("video", (4, 1, 8, 8))]
)
@pytest.mark.parametrize("encoder", ["gru", "transformer"])
def test_whatever_has_steps_is_read(kind, shape, encoder) -> None:
    net = build(small(encoder=encoder), info(kind, shape)).eval()
    assert net(torch.randn(3, *shape), TOKENS).shape == (3, 4, 4)


def test_steps_behind_a_mask_are_not_read() -> None:
    net = build(small(encoder="transformer"), info("sequence", (6, 3))).eval()
    inputs = torch.randn(3, 6, 3)
    mask = torch.arange(6) < torch.tensor([[6], [4], [1]])
    logits = net(inputs, TOKENS, mask)
    changed = torch.where(mask[:, :, None], inputs, 9.0)
    torch.testing.assert_close(net(changed, TOKENS, mask), logits)
    alone = net(inputs[1:2, :4], TOKENS[1:2])
    torch.testing.assert_close(alone, logits[1:2], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("decoder", ["gru", "transformer"])
def test_what_is_attended_to_is_told_as_it_is_used(decoder) -> None:
    """Weights are 0 where there is no step and have a sum of 1; a source of one step has it all."""
    net = network(encoder="gru", decoder=decoder)
    weights = net.decoder.weights(TOKENS, net.encode(SOURCE))
    assert weights is not None
    assert weights.shape == (3, 4, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 4))
    assert not weights[1, :, 2:].any()
    torch.testing.assert_close(weights[2, :, 0], torch.ones(4))
