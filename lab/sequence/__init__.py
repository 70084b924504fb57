"""Build networks that read sequences, and what is around them: cells, attention, Transformers,
decoding, n-grams.

Names load what they need when first used, so that the options stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
    "ALIGNMENTS": "lab.sequence.choices",
    "ATTENTION": "lab.sequence.choices",
    "Alignment": "lab.sequence.alignment",
    "Block": "lab.sequence.transformer",
    "BlockConfig": "lab.sequence.transformer",
    "CELLS": "lab.sequence.cells",
    "Decoder": "lab.sequence.transformer",
    "Encoder": "lab.sequence.transformer",
    "MultiHeadAttention": "lab.sequence.attention",
    "POSITIONS": "lab.sequence.choices",
    "Recurrent": "lab.sequence.recurrent",
    "StepInputs": "lab.sequence.step_inputs",
    "TRANSFORMER_INITIALIZERS": "lab.sequence.initial_weights",
    "TokenDecoder": "lab.sequence.token_decoder",
    "TokenEmbedding": "lab.sequence.embeddings",
    "attend": "lab.sequence.attention",
    "attention_maps": "lab.sequence.maps",
    "attention_weights": "lab.sequence.attention",
    "causal_mask": "lab.sequence.masks",
    "check_lengths": "lab.sequence.masks",
    "count_up": "lab.sequence.positions",
    "initialize_transformer": "lab.sequence.initial_weights",
    "keep_mask": "lab.sequence.masks",
    "key_mask": "lab.sequence.masks",
    "make_alignment": "lab.sequence.choices",
    "make_positions": "lab.sequence.choices",
    "Chosen": "lab.sequence.decoding",
    "Hypothesis": "lab.sequence.decoding",
    "NGram": "lab.sequence.ngram",
    "NOTHING": "lab.sequence.decoding",
    "Sampler": "lab.sequence.filtering",
    "TextStream": "lab.sequence.text",
    "beam_search": "lab.sequence.beam",
    "ctc_beam_search": "lab.sequence.ctc",
    "ctc_greedy": "lab.sequence.ctc",
    "ctc_loss": "lab.sequence.ctc",
    "filtered": "lab.sequence.filtering",
    "frames_needed": "lab.sequence.ctc",
    "greedy": "lab.sequence.decoding",
    "sample": "lab.sequence.decoding",
    "select": "lab.sequence.states",
    "stream": "lab.sequence.decoding",
    "stream_text": "lab.sequence.text",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.sequence.alignment import Alignment as Alignment
    from lab.sequence.attention import MultiHeadAttention as MultiHeadAttention
    from lab.sequence.attention import attend as attend
    from lab.sequence.attention import attention_weights as attention_weights
    from lab.sequence.beam import beam_search as beam_search
    from lab.sequence.cells import CELLS as CELLS
    from lab.sequence.choices import ALIGNMENTS as ALIGNMENTS
    from lab.sequence.choices import ATTENTION as ATTENTION
    from lab.sequence.choices import POSITIONS as POSITIONS
    from lab.sequence.choices import make_alignment as make_alignment
    from lab.sequence.choices import make_positions as make_positions
    from lab.sequence.ctc import ctc_beam_search as ctc_beam_search
    from lab.sequence.ctc import ctc_greedy as ctc_greedy
    from lab.sequence.ctc import ctc_loss as ctc_loss
    from lab.sequence.ctc import frames_needed as frames_needed
    from lab.sequence.decoding import NOTHING as NOTHING
    from lab.sequence.decoding import Chosen as Chosen
    from lab.sequence.decoding import Hypothesis as Hypothesis
    from lab.sequence.decoding import greedy as greedy
    from lab.sequence.decoding import sample as sample
    from lab.sequence.decoding import stream as stream
    from lab.sequence.embeddings import TokenEmbedding as TokenEmbedding
    from lab.sequence.filtering import Sampler as Sampler
    from lab.sequence.filtering import filtered as filtered
    from lab.sequence.initial_weights import TRANSFORMER_INITIALIZERS as TRANSFORMER_INITIALIZERS
    from lab.sequence.initial_weights import initialize_transformer as initialize_transformer
    from lab.sequence.maps import attention_maps as attention_maps
    from lab.sequence.masks import causal_mask as causal_mask
    from lab.sequence.masks import check_lengths as check_lengths
    from lab.sequence.masks import keep_mask as keep_mask
    from lab.sequence.masks import key_mask as key_mask
    from lab.sequence.ngram import NGram as NGram
    from lab.sequence.positions import count_up as count_up
    from lab.sequence.recurrent import Recurrent as Recurrent
    from lab.sequence.states import select as select
    from lab.sequence.step_inputs import StepInputs as StepInputs
    from lab.sequence.text import TextStream as TextStream
    from lab.sequence.text import stream_text as stream_text
    from lab.sequence.token_decoder import TokenDecoder as TokenDecoder
    from lab.sequence.transformer import Block as Block
    from lab.sequence.transformer import BlockConfig as BlockConfig
    from lab.sequence.transformer import Decoder as Decoder
    from lab.sequence.transformer import Encoder as Encoder

__getattr__, __dir__ = attach(__name__, _HOME)
