"""Be the command `lab`: one small module per command, imported when the command is used."""

from __future__ import annotations

from lab.cli.group import LazyGroup

COMMANDS = {
    "run": ("lab.cli.run:command", "Train an experiment."),
    "resume": ("lab.cli.resume:command", "Continue an interrupted run exactly."),
    "eval": ("lab.cli.evaluate:command", "Evaluate a trained run."),
    "play": ("lab.cli.play:command", "Write a GIF of what a trained run does."),
    "sample": ("lab.cli.sample:command", "Draw samples from a trained run."),
    "model": ("lab.cli.model:command", "Show an experiment's network, layer by layer."),
    "lr": ("lab.cli.lr:command", "Find a learning rate by the range test."),
    "predict": ("lab.cli.predict:command", "Say what a trained run makes of inputs."),
    "export": ("lab.cli.export:command", "Write a run's model for another library."),
    "runs": ("lab.cli.runs:command", "List runs."),
    "show": ("lab.cli.show:command", "Show one run."),
    "compare": ("lab.cli.compare:command", "Compare groups of runs."),
    "ui": ("lab.cli.ui:command", "Show runs in the browser, live."),
    "serve": ("lab.cli.serve:command", "Answer a browser with a trained run."),
    "data": ("lab.cli.data:command", "List and show data."),
    "rm": ("lab.cli.rm:command", "Delete runs."),
    "gc": ("lab.cli.gc:command", "Free the disk of what runs no longer need."),
    "plugins": ("lab.cli.plugins:command", "List plugins and what they offer."),
    "check": ("lab.cli.check:command", "Check a plugin against the contract."),
    "new": ("lab.cli.new:command", "Begin a plugin of your own."),
    "doctor": ("lab.cli.doctor:command", "Check this installation."),
    "completion": ("lab.cli.completion:command", "Print a shell-completion script."),
}

main = LazyGroup(
    "lab",
    commands=COMMANDS,
    help="Train every classic family of deep networks under one runner.\n\n"
    "Start with `lab run dqn --env CartPole-v1`; `lab run` lists all experiments.",
)
