"""Say what all networks here are made of, by the options."""

from __future__ import annotations

from lab.sequence.transformer import BlockConfig
from lab_transformer.config import Config


def block_config(config: Config) -> BlockConfig:
    """Return what a block of these options is made of."""
    return BlockConfig(
        config.width,
        config.heads,
        config.feedforward,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        activation=config.activation,
        pre_norm=config.norm == "pre",
        bias=config.bias,
        qk_norm=config.qk_norm,
        rotary=config.positions == "rotary",
        implementation=config.attention,
    )
