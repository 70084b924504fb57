"""Follow a run on Weights & Biases, online or offline, and never at the training's expense."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lab import RunInfo
from lab.messages import first_line, slug
from lab_wandb.content import (
    clean,
    clear_staging,
    git_settings,
    keep_as_is,
    keep_description,
    media_object,
    summary_values,
)
from lab_wandb.internals.session import LogCapture, Session, log_artifact, staging_in
from lab_wandb.mode import Flag, Mode, has_key, resolve_mode, unreported
from lab_wandb.options import DEFAULT_PROJECT, Options

EXIT_CODES = {"finished": 0, "failed": 1, "interrupted": 130}
FLUSH_SECONDS = 1.0
FINISH_GRACE = 1.0  # beyond the client's own limit
CHECKPOINT_LIMIT = 100 * 2**20
LONGEST_NAME = 128


class WandbTracker:
    """A `lab.Tracker` that writes a W&B run into `<run folder>/wandb/`, and online if `options` say
    so; where they say auto, that is for `resolve_mode` to find out.

    A server that is not there after `init_timeout` seconds makes the run offline, under the same
    id. `finish` waits `finish_timeout` seconds for uploads. Checkpoints over `checkpoint_limit`
    bytes stay at home. The address of an online run is printed, and what went wrong.
    """

    def __init__(
        self,
        options: Options,
        init_timeout: float = 20.0,
        finish_timeout: float = 45.0,
        checkpoint_limit: int = CHECKPOINT_LIMIT,
    ) -> None:
        self.mode: Flag = options.wandb
        self.url: str | None = None
        self._project = options.project or os.environ.get("WANDB_PROJECT") or DEFAULT_PROJECT
        self._init_timeout = init_timeout
        self._finish_timeout = finish_timeout
        self._checkpoint_limit = checkpoint_limit
        self._checkpoints: list[tuple[str, Path]] = []
        self._environment = ExitStack()
        self._abandoned = False
        self._wandb: Any = None
        self._session: Session | None = None
        self._run: Any = None
        self._info: RunInfo

    def start(self, run: RunInfo) -> None:
        self._info = run
        self.mode = resolve_mode(self.mode, os.environ)
        if self.mode == "disabled":
            return
        self._environment.enter_context(unreported())
        import wandb

        self._wandb = wandb
        self._voice = LogCapture(run.say)
        self._session = Session(wandb, self._voice)
        self._session.open()
        self._run = self._begin()
        self._define_axes()
        if self.mode == "online":
            self.url = str(self._run.url)
            run.say(self.url)
        if self._abandoned:
            self._session.cut(self._run)

    def row(self, row: Mapping[str, float]) -> None:
        if self._run is not None:
            # Without step=, which drops rows that come out of order.
            self._run.log({self._info.clock if k == "clock" else k: v for k, v in row.items()})

    def media(self, name: str, path: Path, clock: int) -> None:
        if self._run is None:
            return
        try:
            medium = media_object(self._wandb, path)
        except (OSError, ValueError) as error:
            self._info.say(f"{path} is not shown: {_why(error)}")
            return
        try:
            with staging_in(self._folder / "tables"):  # a table becomes an artifact too
                self._run.log({f"media/{slug(name)}": medium, self._info.clock: clock})
        except self._wandb.errors.CommError as error:  # about which the client asks the server
            self._info.say(f"{path} is not shown: {first_line(error)}")

    def source(self, name: str, description: Mapping[str, Any]) -> None:
        if self._run is None:
            return
        description = clean(description)
        try:
            kept = keep_description(name, description, self._folder / "sources")
        except OSError as error:
            self._info.say(f"the source {name} is not recorded: {_why(error)}")
            return
        artifact = self._artifact(name, "dataset", description, kept, "description.json")
        log_artifact(self._run, artifact, input=True)

    def checkpoint(self, name: str, path: Path) -> None:
        self._checkpoints.append((name, path))

    def finish(self, summary: Mapping[str, Any]) -> None:
        if self._run is not None:
            self._summarize(summary)
            for name, path in self._checkpoints:
                self._upload(name, path, _clock_of(name, summary))
            self._end(EXIT_CODES.get(str(summary.get("state")), 1))
        if self._session is not None:
            self._session.close()
        self._environment.close()

    def hints(self) -> list[str]:
        """Return the commands that go on from here, and what each is for: of what lies offline in
        the run folder, or of a run online."""
        online = self.mode == "online" and self._run is not None
        return offline_hints(self._info.dir) or ([_compare(self._info)] if online else [])

    def abandon(self) -> None:
        """Let go of everything at once, from any thread."""
        self._abandoned = True
        if self._session is not None:
            self._session.cut(self._run)
        self._environment.close()

    # -- begin

    def _begin(self) -> Any:
        if self.mode == "offline":
            return self._init("offline")
        assert self._session is not None
        try:
            return self._init("online")
        except Exception as error:
            if self._abandoned:
                raise
            self._info.say(f"not reached, so this run is logged offline ({first_line(error)})")
        self._session.reopen()
        self.mode = "offline"
        return self._init("offline")

    def _init(self, mode: Mode) -> Any:
        run = self._info
        return self._wandb.init(
            mode=mode,
            project=self._project,
            id=run.id,
            name=f"{run.target}/{run.experiment}/s{run.seed}",
            group=run.group or None,
            tags=run.tags or None,
            job_type=run.job_type,
            config=clean(run.config),
            dir=str(run.dir),
            resume="allow",
            reinit="create_new",
            settings=self._wandb.Settings(
                console="off",
                init_timeout=self._init_timeout,
                finish_timeout=self._finish_timeout,
                finish_timeout_raises=True,
                use_dot_wandb=False,
                x_transaction_log_flush_interval=FLUSH_SECONDS,
                **git_settings(),
            ),
        )

    def _define_axes(self) -> None:
        metric, direction = self._info.objective
        for hidden in (self._info.clock, "perf/time"):
            self._run.define_metric(hidden, hidden=True)
        self._run.define_metric("*", step_metric=self._info.clock)
        self._run.define_metric(metric, step_metric=self._info.clock, summary=f"{direction},last")

    # -- end

    def _summarize(self, summary: Mapping[str, Any]) -> None:
        self._run.summary.update(summary_values(summary))
        objective = summary.get("objective")
        if isinstance(objective, Mapping) and objective.get("best") is not None:
            # W&B knows only the rows since the last resume.
            metric, direction = self._info.objective
            self._run.summary[metric] = {
                direction: objective["best"],
                "last": objective.get("last", objective["best"]),
            }

    def _upload(self, name: str, path: Path, clock: int | None) -> None:
        try:
            size = path.stat().st_size
            if size > self._checkpoint_limit:
                limit = self._checkpoint_limit / 2**20
                self._info.say(
                    f"{path} is not uploaded: {size / 2**20:.0f} MB, over {limit:.0f} MB"
                )
                return
            kept = keep_as_is(path, self._folder / "checkpoints", clock)
        except OSError as error:
            self._info.say(f"{path} is not uploaded: {_why(error)}")
            return
        metadata = {} if clock is None else {self._info.clock: clock}
        artifact = self._artifact(self._info.name, "model", metadata, kept, path.name)
        aliases = [name] if clock is None else [name, f"{self._info.clock}-{clock}"]
        log_artifact(self._run, artifact, aliases)

    def _artifact(
        self, name: str, kind: str, metadata: Mapping[str, Any], kept: Path, file: str
    ) -> Any:
        artifact = self._wandb.Artifact(slug(name)[:LONGEST_NAME], kind, metadata=dict(metadata))
        # Immutable and uncached: wandb would copy the file into the home folder, once for each.
        artifact.add_file(str(kept), name=file, policy="immutable", skip_cache=True)
        return artifact

    def _end(self, exit_code: int) -> None:
        with self._voice.held() as held:
            limit = ""
            try:
                assert self._session is not None
                self._session.finish(self._run, exit_code, self._finish_timeout + FINISH_GRACE)
            except TimeoutError:
                limit = f" in {self._finish_timeout:g} s"
            if limit or self._voice.upload_failed:
                held.clear()
                command = _command("lab sync", self._info.dir)
                self._info.say(f"not all was uploaded{limit}; later: {command}")
            elif self.mode == "online" and not any(self._folder.glob("offline-run-*")):
                clear_staging(self._folder)

    @property
    def _folder(self) -> Path:
        return self._info.dir / "wandb"


def offline_hints(run_dir: Path) -> list[str]:
    """Return the commands that show and upload what lies offline in a run folder, if anything, and
    what each is for."""
    folder = run_dir / "wandb"
    parts = sorted(folder.glob("offline-run-*"))
    if not parts:
        return []
    unsynced = [part for part in parts if not any(part.glob("*.synced"))]
    path = parts[0] if len(parts) == 1 else folder
    lines = [f"W&B: kept offline; look at it with: {_command('wandb leet', path)}"]
    if unsynced:
        login = "" if has_key() else "wandb login && "
        lines.append(f"W&B: upload it with: {login}{_command('lab sync', run_dir)}")
    return lines


def _compare(run: RunInfo) -> str:
    """Return the command that compares an online run with others of its group."""
    chosen = f"--group {shlex.quote(run.group)}" if run.group else shlex.quote(run.dir.name)
    folder = os.path.relpath(run.dir.parent)
    elsewhere = "" if folder == "runs" else f" --runs-dir {shlex.quote(folder)}"
    return f"W&B: compare its group with: lab wandb view {chosen}{elsewhere}"


def _command(command: str, folder: Path) -> str:
    return f"{command} {shlex.quote(os.path.relpath(folder))}"


def _why(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or first_line(error)


def _clock_of(name: str, summary: Mapping[str, Any]) -> int | None:
    """Return the clock at which the checkpoint was written, where the summary says it."""
    section, key = ("objective", "best_clock") if name == "best" else ("clock", "value")
    values = summary.get(section)
    clock = values.get(key) if isinstance(values, Mapping) else None
    return clock if isinstance(clock, int) else None
