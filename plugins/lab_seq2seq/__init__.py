"""Offer encoder-decoders: networks that read one sequence and write another."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.metrics import TRANSLATION_METRICS
from lab_seq2seq.presets import PRESETS


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="seq2seq",
        summary="Encoder-decoders: recurrent or Transformers, by a vector or by attention",
        config="lab_seq2seq.config:Config",
        experiment="lab_seq2seq.seq2seq:Seq2Seq",
        presets=PRESETS,
        capabilities={"predict": "lab.capabilities:Translate", "export": "lab.capabilities:Export"},
        metrics={
            "train/loss": "cross-entropy of a target's token, in nats, smoothing included",
            "train/token_accuracy": "fraction of right tokens after those that the decoder read",
            "train/teacher_forcing": "fraction of true tokens that the decoder read",
            "train/lr": "learning rate",
            **TRANSLATION_METRICS,
        },
    )
