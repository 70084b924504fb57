"""Work with sequences: decode them, turn text into tokens, count n-grams.

Names load what they need when first used, so that the options stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
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
    from lab.sequence.beam import beam_search as beam_search
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
    from lab.sequence.filtering import Sampler as Sampler
    from lab.sequence.filtering import filtered as filtered
    from lab.sequence.ngram import NGram as NGram
    from lab.sequence.states import select as select
    from lab.sequence.text import TextStream as TextStream
    from lab.sequence.text import stream_text as stream_text

__getattr__, __dir__ = attach(__name__, _HOME)
