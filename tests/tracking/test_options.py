"""A tracker's options stand with those of the runner and the experiment, by names of their own."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import Field

import lab
from lab.config import RunOptions
from lab.plugins import Plugin, Plugins
from lab.resolve import models_of
from lab.spec import ExperimentSpec, TrackerSpec

SPEC = ExperimentSpec("plain", "Does nothing", "mine:Config", "mine:Plain")


class Config(lab.Config):
    rate: float = Field(0.5, gt=0, description="Learning rate.")


class Shade(lab.Options):
    shade: str = Field("dark", description="Shade.")


def named(name: str) -> type[lab.Options]:
    """Return a model with one option of that name."""
    fields: dict[str, Any] = {"__annotations__": {name: str}, name: "x", "__module__": __name__}
    return type("Named", (lab.Options,), fields)


def plugins(monkeypatch: pytest.MonkeyPatch, **models: Any) -> Plugins:
    """Return plugins that each offer one tracker, whose options are the model."""
    monkeypatch.setitem(sys.modules, "mine", SimpleNamespace(Config=Config, **models))
    return Plugins(
        Plugin(name, f"lab-{name}", "1", trackers=[TrackerSpec(name, "mine:T", f"mine:{name}")])
        for name in models
    )


def refusal(offered: Plugins) -> str:
    with pytest.raises(lab.UsageError) as refused:
        models_of(SPEC, offered)
    return str(refused.value)


def test_options_of_trackers_are_known_beside_the_others(monkeypatch) -> None:
    models = models_of(SPEC, plugins(monkeypatch, ink=Shade))
    assert models.names == {"rate", "shade", *RunOptions.model_fields}


@pytest.mark.parametrize(
    ("option", "owner"),
    [("seed", "of the runner"), ("seeds", "of the command line"),
     ("rate", "of the experiment 'plain'")],
)  # fmt: skip
def test_an_option_that_is_somebody_elses_is_refused(monkeypatch, option, owner) -> None:
    assert refusal(plugins(monkeypatch, ink=named(option))) == (
        f"--{option} is an option {owner}, and of the tracker 'ink'.\n"
        "`lab --no-plugin ink ...` leaves that plugin of lab-ink out."
    )


def test_two_trackers_with_one_option_are_both_named(monkeypatch) -> None:
    message = refusal(plugins(monkeypatch, ink=Shade, chalk=Shade))
    assert message.startswith(
        "--shade is an option of the tracker 'ink', and of the tracker 'chalk'."
    )
    assert "lab --no-plugin chalk" in message


@pytest.mark.parametrize("wrong", [None, dict])
def test_options_that_are_none_are_told_with_a_way_out(monkeypatch, wrong) -> None:
    offered = plugins(monkeypatch, ink=wrong)
    if wrong is None:
        del sys.modules["mine"].ink
    message = refusal(offered)
    assert message.startswith("The options of the tracker 'ink' cannot be had: ")
    assert "lab --no-plugin ink" in message


def test_of_a_contested_tracker_the_first_offer_counts(monkeypatch) -> None:
    offered = plugins(monkeypatch, ink=Shade)
    rival = Plugin("z", "z", "1", trackers=[TrackerSpec("ink", "elsewhere:T")])
    assert Plugins([*offered.all, rival]).trackers()["ink"].tracker == "mine:T"
