"""Guess hidden words by what stands on both sides (Devlin et al., 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import lab
from lab.nn import activation
from lab.sequence import TokenEmbedding, initialize_transformer
from lab_transformer.config import Config
from lab_transformer.networks.reader import Reader


class Guesser(nn.Module):
    """Tokens [B, T], some of them the mask -> logits [B, T, V] of the word that stands at each."""

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        self.reader = Reader(config, info, class_token=config.pool == "class")
        self.head = Guesses(config.width, len(info.vocabulary), config.activation)
        initialize_transformer(self, config.init)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        outputs, _ = self.reader(tokens, mask)
        embedding = self.reader.embed.read
        assert isinstance(embedding, TokenEmbedding)
        logits: Tensor = self.head(self.reader.of_steps(outputs), embedding)
        return logits


class Guesses(nn.Module):
    """BERT's head: one more layer, then scores by the embeddings themselves and a bias."""

    def __init__(self, width: int, words: int, activates: str) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.activation = activation(activates)
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(words))

    def forward(self, outputs: Tensor, embedding: TokenEmbedding) -> Tensor:
        """Return logits [B, T, V] of outputs [B, T, W]."""
        guesses = self.norm(self.activation(self.dense(outputs)))
        return embedding.logits(guesses)[..., : len(self.bias)] + self.bias
