"""The options of a run: the experiment's own, and those of the runner, common to all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from lab.options import LARGEST, Options
from lab.plugins import Plugins

LONGEST_NAME = 200  # bytes of a run's name: file systems take 255, with what is put around it

Objective = tuple[str, str]


class Config(Options):
    """Base of every experiment's config. Its fields are the options; the rest tells the runner
    what depends on the chosen task. It is read once, when the options are resolved."""

    clock: ClassVar[str] = "samples"
    """The unit of progress: "env_steps" in reinforcement learning, "samples" elsewhere."""

    @property
    def objective(self) -> Objective | Mapping[str, Objective]:
        """Return the metric to select by and its direction: `("eval/return", "max")`. Where that
        depends on what is learned of the data, one for each task: `{"classify": (...), ...}`."""
        raise NotImplementedError

    @property
    def target(self) -> str:
        """Return what the run learns from: an env id, a source. Part of the run's name."""
        raise NotImplementedError

    @property
    def budget(self) -> int:
        """Return where the clock stops unless `--budget` says otherwise."""
        raise NotImplementedError

    @property
    def eval_every(self) -> int | None:
        """Return the evaluation grid over `budget`, made finer where another budget would see fewer
        than ten evaluations; None for a twentieth of whatever budget it is."""
        return None

    def learns(self, plugins: Plugins) -> str:
        """Return what is learned of the data, a `lab.data.dataset.Task`; nothing where there are
        none. `lab.DataOptions` answers it."""
        return ""

    def lacks(self, task: str) -> Collection[str]:
        """Return the capabilities of the experiment that a run of this config and task does not
        have: they are not recommended at its end."""
        return ()

    def goals(self, plugins: Plugins) -> Mapping[str, str]:
        """Return criteria by name: what `--stop-at solved` stands for, say, where the task has
        that. Called only where `--stop-at` gives a name."""
        return {}

    @property
    def threads(self) -> int:
        """Return the CPU threads this configuration is fastest with."""
        return 1

    @property
    def preset(self) -> str | None:
        """Return the name of the preset tuned for this task, if the spec has it."""
        return None


class RunOptions(Options):
    """The runner's own options, common to all experiments."""

    CLOCKS: ClassVar[frozenset[str]] = frozenset(
        {"budget", "eval_every", "log_every", "checkpoint_every"}
    )
    CHANGES: ClassVar[frozenset[str]] = frozenset({"budget", "stop_at", "device", "media"})

    seed: int = Field(0, ge=0, le=LARGEST, description="Seed of all randomness.")
    budget: int | None = Field(
        None, ge=1, description="Where the clock stops: 60000, 60k, 2M or 1e5."
    )
    eval_every: int | None = Field(
        None,
        ge=1,
        description="Evaluate at multiples of this clock; by default 20 times over the budget, or "
        "as a preset does over its own, and 10 times or more over another.",
    )
    log_every: int | None = Field(None, ge=1, description="Log at multiples of this clock.")
    checkpoint_every: int | None = Field(
        None,
        ge=1,
        description="Checkpoint at multiples of this clock and keep <clock>.pt; "
        "by default last.pt is written as often as costs under 2 % of the time.",
    )
    keep_checkpoints: int = Field(
        3, ge=0, description="How many <clock>.pt to keep, newest first; 0: all."
    )
    stop_at: str | None = Field(
        None,
        description="End when a metric gets there: 'eval/return>=475', or a goal by its name, "
        "as 'solved'.",
    )
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps.")
    precision: Literal["fp32", "bf16", "fp16"] = Field("fp32", description="Number format.")
    compile: bool = Field(False, description="Compile the networks with torch.compile.")
    threads: int | None = Field(None, ge=1, le=1024, description="CPU threads for torch.")
    deterministic: bool = Field(False, description="Only deterministic kernels, on any device.")
    media: bool = Field(True, description="Record pictures and videos.")
    name: str | None = Field(None, description="Name of the run and of its folder.")
    group: str | None = Field(None, description="Group of runs that differ by seed alone.")
    tag: tuple[str, ...] = Field((), description="Tags, separated by commas.")
    runs_dir: Path = Field(Path("runs"), description="Folder that holds the run folders.")
    track: bool = Field(True, description="Let trackers follow the run.")

    @field_validator("stop_at", "group", "device")
    @classmethod
    def _is_not_empty(cls, text: str | None) -> str | None:
        if text is not None and not text.strip():
            raise ValueError("must not be empty")
        return text

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str | None) -> str | None:
        if name is not None and len(name.encode()) > LONGEST_NAME:
            raise ValueError(f"is too long: a folder's name has at most {LONGEST_NAME} bytes here")
        if name is not None and not name.isprintable():
            raise ValueError("must be printable text on one line")
        if name is not None and (not name or name.startswith(".") or {"/", "\\"} & set(name)):
            raise ValueError("must name one folder: without slashes, and not begin with a dot")
        return name


class Play(Options):
    """Options of `lab play` for an experiment that plays episodes: see `lab.record_episode`."""

    max_steps: int = Field(1_000, ge=1, description="Steps after which the episode is cut.")
    skip: int = Field(2, ge=1, description="Keep every n-th frame.")
    size: int = Field(
        400,
        ge=16,
        description="Longest side of the picture in pixels; small ones grow by whole factors.",
    )
