"""The networks that model language are torch's own, and keep the contract of experiments."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import lab
from lab.plugins import discover
from lab.testing import kinds
from lab.testing.report import BROKEN, examine
from lab_rnn.config import Config as RecurrentConfig
from lab_rnn.networks import LanguageNet as Recurrent
from lab_transformer.config import Config as TransformerConfig
from lab_transformer.networks.language import LanguageNet as Decoder

V = 11  # tokens
INFO = lab.DatasetInfo("a text", "tokens", "lm", (8,), (), V, (), ())
TEXT = {"data": "stdlib", "data_args": {"n": 6_000}, "batch_size": 8, "context": 8, "lr": 1e-2}
PRESETS: dict[str, dict[str, Any]] = {
    "rnn": {**TEXT, "cell": "lstm", "hidden_size": 16, "embedding_dim": 8, "budget": 800},
    "transformer": {**TEXT, "layers": 2, "width": 16, "heads": 2, "budget": 800},
}


def tokens(rows: int, steps: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(V, (rows, steps), generator=torch.Generator().manual_seed(seed))


def decoder(**options: Any) -> Decoder:
    config = TransformerConfig(layers=2, width=16, heads=2, **options)
    torch.manual_seed(0)
    return Decoder(config, INFO).eval()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_recurrent_model_is_torchs_modules_in_a_row(cell) -> None:
    config = RecurrentConfig(cell=cell, hidden_size=16, embedding_dim=8, layers=2)
    model = Recurrent(config, INFO).eval()
    module = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell](8, 16, 2, batch_first=True)
    state = {n.removeprefix("layers."): v for n, v in model.state_dict().items() if "layers." in n}
    module.load_state_dict(state)
    read = tokens(3, 7)
    outputs, _ = module(functional.embedding(read, model.embedding.weight))
    logits, _ = model(read)
    assert torch.allclose(logits, model.head(outputs), atol=1e-6)


def test_a_decoder_is_torchs_blocks_under_a_causal_mask() -> None:
    model = decoder(activation="relu", tie_weights=False)
    layer = nn.TransformerEncoderLayer(16, 2, 64, 0.0, batch_first=True, norm_first=True)
    blocks = nn.TransformerEncoder(layer, 2, nn.LayerNorm(16), enable_nested_tensor=False).eval()
    blocks.load_state_dict(model.decoder.blocks.state_dict())
    read = tokens(3, 8)
    inside = model.decoder
    assert inside.pos_embed is not None
    assert inside.head is not None
    embedded = inside.embed(read) + inside.pos_embed(torch.arange(8)[None])
    mask = nn.Transformer.generate_square_subsequent_mask(8)
    expected = inside.head(blocks(embedded, mask=mask, is_causal=True))
    assert torch.allclose(model(read)[0], expected, atol=1e-5)


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rotary"])
@pytest.mark.parametrize("attention", ["matmul", "sdpa"])
@torch.no_grad()
def test_what_is_kept_gives_what_reading_anew_gives(positions, attention) -> None:
    """Each token from the last 8, by nanoGPT's own words: `idx[:, -block_size:]`; whatever was read
    at once before."""
    model = decoder(positions=positions, attention=attention)
    read = tokens(3, 20)
    for at_once in (1, 5, 8, 13):
        logits, state = model(read[:, :at_once], model.start(3))
        for step in range(at_once, 20):
            window = read[:, max(0, step - 8) : step]
            assert torch.allclose(logits[:, -1], model(window)[0][:, -1], atol=1e-5), step
            logits, state = model(read[:, step : step + 1], state)


@pytest.mark.parametrize("model", [decoder(), decoder(tie_weights=False, positions="rotary")])
def test_no_token_is_predicted_from_itself_or_later_ones(model) -> None:
    read = tokens(1, 8)
    other = read.clone()
    other[0, 5:] = (other[0, 5:] + 1) % V
    before, after = (model(x)[0].detach() for x in (read, other))
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


@pytest.mark.parametrize("tied", [True, False])
def test_the_first_loss_is_that_of_knowing_nothing(tied) -> None:
    model = decoder(init="gpt2", tie_weights=tied)
    read = tokens(64, 8)
    loss = functional.cross_entropy(model(read)[0].flatten(0, 1), tokens(64, 8, 1).flatten())
    assert float(loss.detach()) == pytest.approx(torch.log(torch.tensor(V)).item(), abs=0.01)


@cache
def subject(family: str) -> Any:
    plugins = discover()
    spec = plugins.experiment(family)
    spec = replace(spec, presets={**spec.presets, "language": PRESETS[family]})
    return kinds.subject(spec, plugins, preset="language")


@pytest.mark.parametrize(
    ("family", "check"),
    [
        pytest.param(family, check, marks=pytest.mark.xdist_group(f"language by {family}"))
        for family in PRESETS
        for check in (
            "tiny_improves_its_objective",
            "same_seed_same_metrics",
            "cadences_change_nothing",
            "metrics_are_declared_numbers",
            "every_part_of_the_state_is_needed",
            "model_alone_serves",
            "splits_are_read_where_they_belong",
            "bf16_trains",
            "accumulating_trains_alike",
            "predictions_are_batched",
            "predictions_are_arrays",
            "samples_are_arrays",
            "capabilities_return_media",
            "predict_answers_each_input",
            "export_can_be_loaded",
            *(["compiled_trains"] if family == "rnn" else []),
        )
    ],
)
def test_the_contract_is_kept(family, check) -> None:
    result = examine(subject(family), check, None)
    assert result.status != BROKEN, result.message


@pytest.mark.parametrize("family", PRESETS)
def test_a_family_that_learned_labels_does_not_write(family, tmp_path) -> None:
    quiet = {"wandb": "disabled", "media": False, "runs_dir": tmp_path}
    run = lab.run(family, preset="tiny", budget=64, **quiet)
    with pytest.raises(lab.UsageError, match="digits is to classify: only models of language"):
        lab.sample(run.dir, n=1)


def test_what_reads_backwards_cannot_predict(tmp_path) -> None:
    with pytest.raises(lab.UsageError, match="--bidirectional would read what is to be predicted"):
        Recurrent(RecurrentConfig(bidirectional=True), INFO)
