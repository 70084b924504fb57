"""Follow runs on Weights & Biases, online or offline, and upload later what was kept offline."""

from __future__ import annotations

from collections.abc import Iterator

from lab import CommandSpec, Finding, TrackerSpec, hookimpl


@hookimpl
def lab_trackers() -> Iterator[TrackerSpec]:
    yield TrackerSpec(
        name="wandb",
        tracker="lab_wandb.tracker:WandbTracker",
        options="lab_wandb.options:Options",
        label="W&B",
    )


@hookimpl
def lab_commands() -> Iterator[CommandSpec]:
    yield CommandSpec(
        name="sync",
        summary="Upload offline runs to W&B.",
        command="lab_wandb.commands.sync:command",
    )
    yield CommandSpec(
        name="wandb",
        summary="Make views and reports of runs on W&B.",
        command="lab_wandb.commands.group:group",
    )


@hookimpl
def lab_doctor() -> Iterator[Finding]:
    from lab_wandb.mode import probe

    status = probe()
    found = ", ".join(f"{key} {value}" for key, value in status.items())
    remedy = "" if status["key"] == "found" else "; to upload runs: wandb login"
    yield Finding("W&B", found + remedy)
