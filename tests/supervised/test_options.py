"""Mixins become options of the command line, say mistakes plainly and load nothing heavy."""

from __future__ import annotations

import sys
from typing import Annotated, ClassVar

import click
import helpers
import pytest
from click.testing import CliRunner
from pydantic import Field

import lab
from lab.cli.options import from_model
from lab.config import RunOptions
from lab.nn import ACTIVATIONS, INITIALIZERS, LayerOptions
from lab.optim import OPTIMIZERS, SCHEDULES, OptimizerOptions
from lab.option_text import parse
from lab.options import build
from lab.supervised import ClassifierOptions

HEAVY = ("torch", "numpy", "scipy", "matplotlib", "sklearn")


class Config(OptimizerOptions, LayerOptions, ClassifierOptions, lab.Config):
    lr: float = Field(0.3, gt=0, description="Another default.")
    hidden: int = Field(3, ge=1, description="Units.")
    objective: ClassVar = ("eval/loss", "min")
    target: ClassVar = "nothing"
    budget: ClassVar = 100


def choices(model: type[lab.Options], name: str) -> set[str]:
    rules = model.model_fields[name].metadata
    return {choice for rule in rules if isinstance(rule, lab.OneOf) for choice in rule.names}


def test_a_config_inherits_the_options_and_may_give_other_defaults() -> None:
    config = Config()
    assert (config.lr, config.hidden, config.activation) == (0.3, 3, "relu")
    assert OptimizerOptions().lr == 1e-3
    assert config.objective == ("eval/loss", "min")


def test_no_option_has_the_name_of_one_of_the_runners() -> None:
    assert not set(Config.model_fields) & {*RunOptions.model_fields, *dir(lab.Config)} - {
        *OptimizerOptions.model_fields, *LayerOptions.model_fields, *ClassifierOptions.model_fields,
        "hidden",
    }  # fmt: skip
    assert not set(Config.model_fields) & set(RunOptions.model_fields)


def test_each_field_is_an_option_with_a_description() -> None:
    options = {option.name: option for option in from_model(Config)}
    assert set(options) == set(Config.model_fields)
    assert all(Config.model_fields[name].description for name in options)
    assert "--leaky-relu" not in options
    assert options["nesterov"].secondary_opts == ["--no-nesterov"]


@pytest.mark.parametrize("name", ["ema", "clip_norm", "warmup_fraction", "momentum", "patience"])
def test_none_is_said_in_words(name) -> None:
    assert parse(Config, name, "none") is None


def test_class_weights_none_is_a_choice() -> None:
    assert build(Config, {"class_weights": "none"}).class_weights == "none"


def test_what_is_registered_is_a_choice() -> None:
    """A new optimizer is one line in one file: its options follow."""
    assert choices(OptimizerOptions, "optimizer") == set(OPTIMIZERS)
    assert choices(OptimizerOptions, "schedule") == set(SCHEDULES)
    assert choices(LayerOptions, "init") == set(INITIALIZERS)
    assert choices(LayerOptions, "activation") == set(ACTIVATIONS)

    class Own(lab.Options):
        lever: Annotated[str, lab.OneOf({**OPTIMIZERS, "lion": None})] = Field("lion")

    assert build(Own, {"lever": "sgd"}).lever == "sgd"
    with pytest.raises(lab.UsageError, match="--lever lio: should be .*'adamw', .* or 'lion'"):
        build(Own, {"lever": "lio"})
    text = CliRunner().invoke(click.Command("own", params=[*from_model(Own)]), ["--help"]).output
    assert "--lever sgd|rmsprop|adagrad|adam|adamw|radam|muon|lion" in text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nesterov": True}, "--nesterov needs --optimizer sgd"),
        ({"nesterov": True, "optimizer": "sgd", "momentum": 0.0}, "with a --momentum above 0"),
        ({"lr": 0.0}, "--lr 0.0: should be greater than 0"),
        ({"grad_accum_steps": 0}, "--grad-accum-steps 0"),
        ({"ema": 1.0}, "--ema 1.0"),
        ({"warmup_fraction": 1.0}, "--warmup-fraction 1.0"),
        ({"schedule": "cosin"}, "--schedule cosin"),
        ({"label_smoothing": 1.0}, "--label-smoothing 1.0"),
    ],
)
def test_what_cannot_be_is_said_plainly(values, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        build(Config, values)


def test_the_mixins_come_without_anything_heavy(tmp_path) -> None:
    code = (
        "import sys; from lab.optim import OptimizerOptions\n"
        "from lab.nn import LayerOptions; from lab.supervised import ClassifierOptions\n"
        "from lab.metrics import CLASSIFICATION_METRICS\n"
        f"print('LOADED', *[n for n in {HEAVY!r} if n in sys.modules])"
    )
    child = helpers.run_child([sys.executable, "-c", code], tmp_path, helpers.child_environment())
    assert child.stdout.split() == ["LOADED"], child.stderr


def test_the_help_of_a_command_shows_ranges_and_defaults() -> None:
    command = click.Command("train", params=[*from_model(Config, environment=False)])
    text = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
    assert "--optimizer sgd|rmsprop|adagrad|adam|adamw" in text
    assert "default: adamw" in text
    assert "> 0; default: 0.3" in text
