"""Draw where a decoder looks while it writes (Bahdanau et al., 2015, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lab import Batch, DatasetInfo
from lab.data.tokens import END, sentence
from lab.sequence import Hypothesis
from lab_seq2seq.encoders import Encoding
from lab_seq2seq.model import EncoderDecoder

MOST = 40  # steps of a source that have labels


def attention_figure(
    net: EncoderDecoder,
    batch: Batch,
    encoding: Encoding,
    written: Sequence[Hypothesis],
    info: DatasetInfo,
) -> Any:
    """Return a matplotlib figure of what each written token of B sentences attended to, or None
    where the network does not attend to steps."""
    if net.context != "attention":
        return None
    tokens = torch.full((len(written), 1 + max(len(one.tokens) for one in written)), END)
    tokens[:, 0] = net.bos
    for row, one in zip(tokens, written, strict=True):
        row[1 : 1 + len(one.tokens)] = torch.tensor(one.tokens, dtype=torch.long)
    weights = net.decoder.weights(tokens.to(encoding.memory.device), encoding)
    assert weights is not None
    keep = encoding.keep
    lengths = [weights.shape[2]] * len(written) if keep is None else keep.sum(1).tolist()
    words = batch["inputs"].tolist() if info.kind == "tokens" else [None] * len(written)
    return _draw(
        [
            (
                rows[: len(one.tokens) + 1, :length],
                sentence(read, info.vocabulary) if read else (),
                [*sentence(one.tokens, info.target_vocabulary), "end"],
            )
            for rows, one, length, read in zip(
                weights.float().cpu(), written, lengths, words, strict=True
            )
        ]
    )


def _draw(maps: Sequence[tuple[Tensor, Sequence[str], Sequence[str]]]) -> Any:
    """Return a figure of maps: weights [U, S], the words of the source and of the target."""
    from matplotlib.figure import Figure

    tall = max(len(written) for _, _, written in maps)
    figure = Figure(figsize=(4 * len(maps), 1.5 + 0.25 * tall), layout="constrained")
    for axes, (weights, read, written) in zip(
        figure.subplots(1, len(maps), squeeze=False)[0], maps, strict=True
    ):
        axes.imshow(weights.numpy(), cmap="Greys", vmin=0, vmax=1, aspect="auto")
        axes.set_yticks(range(len(written)), written)
        if 0 < len(read) <= MOST:
            axes.set_xticks(range(len(read)), read)
        else:
            axes.set_xlabel("steps of the source")
    return figure
