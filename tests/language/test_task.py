"""Language models are trained on each token once, and measured by all of a text."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from language_models import Bigrams, Config, Window, Words
from torch import Tensor
from torch.nn import functional

import lab
from lab.compute.device import Compute
from lab.data.batches import IGNORED
from lab.engine.context import Context
from lab.plugins import discover
from lab.supervised.language import LanguageTask

ENGLISH = "the dog bit the man.\nthe man bit the dog!\n" * 40
CHINESE = "狗咬人不是新聞，\n人咬狗才是新聞。\n" * 60


@pytest.fixture
def make(tmp_path: Path):
    """A task of a text of one's own, and what it warned of."""

    def build(text: str | list[str] = ENGLISH, *, facts: Any = None, **options: Any):
        if isinstance(text, str):
            (tmp_path / "text.txt").write_text(text, encoding="utf-8")
            options = {"data": f"text:{tmp_path / 'text.txt'}", **options}
        else:
            for number, one in enumerate(text):
                place = tmp_path / "texts" / "ab"[number % 2] / f"{number}.txt"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(one, encoding="utf-8")
            options = {"data": f"textfolder:{tmp_path / 'texts'}", "task": "lm", **options}
        config = Config(**{"context": 8, "batch_size": 4, **options})
        warned: list[str] = []
        ctx = Context(
            seed=0,
            budget=1,
            dir=tmp_path / "run",
            compute=Compute(torch.device("cpu")),
            sources=discover().sources(),
            warn=warned.append,
            facts=facts,
        )
        return LanguageTask(config, ctx, carried=config.carried), warned

    return build


def bigrams(size: int, seed: int = 0) -> Bigrams:
    scores = torch.randn(size, size, generator=torch.Generator().manual_seed(seed))
    return Bigrams(scores.log_softmax(-1))


def split_text(text: str) -> tuple[str, str, str]:
    """Lines in their order: eight tenths to train on, one each to select and to test."""
    lines = text.splitlines(keepends=True)
    ends: list[int] = []
    for line in lines:
        ends.append((ends[-1] if ends else 0) + len(line))
    first, second = (sum(1 for end in ends if end <= cut * ends[-1]) for cut in (0.8, 0.9))
    parts = lines[:first], lines[first:second], lines[second:]
    train, selection, test = ("".join(part) for part in parts)
    return train, selection, test


@pytest.mark.parametrize("carried", [True, False])
@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_bits_are_those_of_all_characters_one_by_one(make, text, carried) -> None:
    task, _ = make(text, carried=carried)
    model = bigrams(task.tokenizer.vocab_size)
    _, _, test = split_text(text)
    ids = [task.tokenizer.special.bos, *task.tokenizer.encode(test)]
    table = model.scores.detach().double().numpy()
    nats = -sum(float(table[before, after]) for before, after in pairwise(ids))
    with torch.no_grad():
        found = task.measure(model, "test")
    assert found["bits_per_character"] == pytest.approx(nats / math.log(2) / len(test))
    assert found["bits_per_byte"] == pytest.approx(nats / math.log(2) / len(test.encode()))
    assert found["perplexity"] == pytest.approx(math.exp(nats / len(test)))
    assert found["n"] == len(test)


@pytest.mark.parametrize("carried", [True, False])
def test_the_size_of_batches_changes_no_figure(make, carried) -> None:
    figures = []
    for size in (1, 64):
        task, _ = make(batch_size=size, carried=carried)
        torch.manual_seed(0)
        vocabulary = task.tokenizer.vocab_size
        with torch.no_grad():
            model = Words(vocabulary) if carried else Window(vocabulary, 8)
            figures.append(task.measure(model, "eval"))
    assert figures[0] == figures[1]


def test_a_window_predicts_from_what_is_in_it_alone(make) -> None:
    task, _ = make(carried=False, ngram=0)
    model = Window(task.tokenizer.vocab_size, 8).requires_grad_(False)
    part = task.part("test").ids.tolist()
    nats = 0.0
    for place in range(1, len(part)):
        begin = (place - 1) // 8 * 8  # windows of 8, side by side
        scores = model.scores.weight[part[begin:place]].sum(0).log_softmax(-1)
        nats -= float(scores[part[place]])
    with torch.no_grad():
        found = task.measure(model, "test")
    assert found["loss"] == pytest.approx(nats / (len(part) - 1), rel=1e-5)
    assert not any(name.startswith("ngram") for name in found)


def test_the_tokenizer_learned_from_the_training_split_alone(make) -> None:
    task, warned = make("abcabd\n" * 80 + "xyz\n" * 8 + "abc\n" * 8)
    assert set(task.tokenizer.to_plain()["characters"]) == set("abcd\n")
    assert task.part("eval").unknown == 0
    for _ in range(2):
        assert task.part("test").unknown == 24
    assert warned == ["24 of 65 tokens of the test split are none that training showed"]


def test_texts_of_their_own_begin_and_end(make) -> None:
    texts = [f"text {number} {'ab' * (number % 7)}" for number in range(60)]
    task, _ = make(texts, carried=False)
    special = task.tokenizer.special
    part = task.part("test")
    held = task.data.texts("test")
    assert part.ids.tolist().count(special.bos) == part.ids.tolist().count(special.eos) == len(held)
    assert part.characters == sum(map(len, held))
    with torch.no_grad():
        found = task.measure(bigrams(task.tokenizer.vocab_size), "test")
    assert found["n"] == sum(map(len, held)) + len(held)  # each text's characters, and its end
    batch = task.next()
    assert special.bos not in batch["targets"]
    before = batch["inputs"][:, :-1] != special.eos
    same = batch["inputs"][:, 1:] == batch["targets"][:, :-1]
    assert bool((same | ~before).all())


@pytest.mark.parametrize("name", ["char", "byte", "word", "bpe"])
@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_each_tokenizer_learns_any_language(make, name, text) -> None:
    if name == "bpe":
        pytest.importorskip("tokenizers")
    task, _ = make(text, tokenizer=name, vocab_size=300, carried=False)
    with torch.no_grad():
        found = task.measure(bigrams(task.tokenizer.vocab_size), "test")
    _, _, test = split_text(text)
    unit = "token" if name == "word" else "character"
    assert f"ngram_bits_per_{unit}" in found
    if name == "word":
        assert "bits_per_character" not in found
        return
    assert task.tokenizer.decode(task.part("test").ids.tolist()) == test
    assert found["bits_per_character"] * len(test) == pytest.approx(
        found["bits_per_token"] * found["n"]
    )


def test_a_unigram_model_is_the_figure_to_beat(make) -> None:
    """Of letters that come equally often, in any order, none can do better than log2 of them."""
    letters = np.random.default_rng(0).permutation(list("abcdefgh" * 500)).tolist()
    lines = ["".join(letters[start : start + 99]) + "\n" for start in range(0, 4000, 99)]
    task, _ = make("".join(lines), ngram=1)
    with torch.no_grad():
        found = task.measure(bigrams(task.tokenizer.vocab_size), "test")
    counts = Counter("".join(lines))
    entropy = -sum(n / 4041 * math.log2(n / 4041) for n in counts.values())
    assert found["ngram_bits_per_character"] == pytest.approx(entropy, abs=0.02)


# -- training


def test_the_carried_state_makes_one_sequence_of_batches(make) -> None:
    task, _ = make()
    torch.manual_seed(0)
    model = Words(task.tokenizer.vocab_size)
    inputs, targets, losses = [], [], []
    for _ in range(3):
        batch = task.next()
        loss, state = task.loss(model, batch)
        task.log(loss, state)
        inputs.append(batch["inputs"])
        targets.append(batch["targets"])
        losses.append(float(loss.detach()))
    logits, _ = model(torch.cat(inputs, 1), model.start(4))
    whole = functional.cross_entropy(logits.mT, torch.cat(targets, 1), reduction="none")
    expected = [float(part.mean()) for part in whole.detach().chunk(3, 1)]
    assert losses == pytest.approx(expected, rel=1e-5)
    assert not state["hidden"].requires_grad  # truncated: nothing flows into the batch before


def test_an_epoch_begins_without_a_state(make) -> None:
    task, _ = make()
    model = Words(task.tokenizer.vocab_size)
    began = []
    for _ in range(2 * task.batches.batches + 1):
        batch = task.next()
        began.append("carried_hidden" not in batch)
        task.log(*task.loss(model, batch))
    places = [place for place, first in enumerate(began) if first]
    assert places == [0, task.batches.batches, 2 * task.batches.batches]


def test_windows_have_no_state(make) -> None:
    task, _ = make(carried=False)
    batch = task.next()
    assert set(batch) == {"inputs", "targets"}
    assert torch.equal(batch["inputs"][:, 1:], batch["targets"][:, :-1])
    assert task.loss(Window(task.tokenizer.vocab_size, 8), batch)[1] == {}


def test_a_batch_weighs_by_its_targets(make) -> None:
    task, _ = make(batch_size=3, context=9)
    model = bigrams(task.tokenizer.vocab_size).requires_grad_(False)
    batches = [task.next() for _ in range(task.batches.batches)]
    batch = next(batch for batch in batches if IGNORED in batch["targets"])
    weight = int(task.weight(batch))
    assert weight == int((batch["targets"] != IGNORED).sum()) < batch["targets"].numel()
    chosen = batch["targets"] != IGNORED
    picked: Tensor = -model.scores[batch["inputs"][chosen], batch["targets"][chosen]]
    assert float(task.loss(model, batch)[0]) == pytest.approx(float(picked.sum()) / weight)


def test_a_loaded_task_needs_no_text(make, tmp_path) -> None:
    task, _ = make()
    assert task.info.shape == (8,)
    (tmp_path / "text.txt").unlink()
    again, _ = make(facts=task.ctx.facts, data=task.config.data)
    (tmp_path / "text.txt").unlink()
    assert again.tokenizer == task.tokenizer
    assert again.info == task.info
    assert again.info.outputs == task.tokenizer.vocab_size
    again.load_state_dict({"model": {}})


# -- what cannot be


def test_a_text_that_is_too_short_is_refused_in_plain_words(make) -> None:
    with pytest.raises(lab.UsageError, match="too few: none is left"):
        make("a\n")
    task, _ = make("abc\n" * 10, context=500, carried=False)
    with pytest.raises(lab.UsageError, match="too short to predict after 500"):
        task.next()


def test_a_text_without_words_is_refused(make) -> None:
    task, _ = make("one two three\n" * 80 + " \n" * 200, tokenizer="word")
    with pytest.raises(lab.UsageError, match="split has no word tokens"):
        task.measure(bigrams(task.tokenizer.vocab_size), "test")


def test_pictures_are_no_text(make) -> None:
    with pytest.raises(lab.UsageError, match="digits gives image data, no texts"):
        make(data="digits")


def test_sentences_of_words_are_texts_too(make) -> None:
    task, _ = make(data="sentences", data_args={"n": 300}, task="lm", tokenizer="word")
    assert not task.one_text
    assert set(task.tokenizer.to_plain()["words"]) <= set(task.data.dataset.vocabulary)


def test_a_part_without_a_target_costs_nothing(make) -> None:
    """The last lanes of a text may be shorter than a part of a batch is."""
    task, _ = make()
    batch = task.next()
    model = bigrams(task.tokenizer.vocab_size)
    whole, _ = task.loss(model, batch)
    nothing = {**batch, "targets": torch.full_like(batch["targets"], IGNORED)}
    assert task.loss(model, nothing)[0].item() == task.weight(nothing).item() == 0
    expected = functional.cross_entropy(
        model(batch["inputs"])[0].flatten(0, 1), batch["targets"].flatten(), ignore_index=IGNORED
    )
    torch.testing.assert_close(whole, expected)
