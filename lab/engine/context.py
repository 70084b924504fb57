"""Give an experiment everything it may use: device, randomness, files, environments, logging."""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import nn

from lab import memory
from lab.compute.device import Compute
from lab.compute.free_memory import check_room, in_gigabytes
from lab.compute.rng import Randomness, derive_seed, from_plain, to_plain, untouched
from lab.data.data import Data
from lab.data.options import DataOptions
from lab.data.record import DataRecord
from lab.engine.accumulator import MetricAccumulator, Value
from lab.engine.schedules import Schedules
from lab.environments import Envs, VectorMaker, make
from lab.environments.check import check_contract
from lab.environments.limits import EVALUATION_STEPS, registered_limit
from lab.environments.wrap import Wrapper
from lab.messages import describe
from lab.optim.step import Loss, Update, make_update, optimize
from lab.spec import EnvironmentSpec, SourceSpec

CACHE_KEY = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")  # no part begins with a dot
LARGE = 2**30  # bytes that are worth a line


class Context:
    """What the runner passes to an experiment.

    seed, budget, dir: as resolved; `dir` is the run folder, and is there.
    task, objective: the kind of task (classify, regress, segment or none), and the metric that
    selects with its direction: decided when the options were resolved.
    show: shows a piece of text to the person at once, where a command will print all of it.
    clock: how far training has come, in the unit of the config's clock.
    rng, generator: numpy and torch generators, seeded, saved and restored by the runner.
    rank, world_size: which of how many processes of the run this is; today a run has one.
    """

    rank, world_size = 0, 1

    def __init__(
        self,
        *,
        seed: int,
        budget: int,
        dir: Path,
        compute: Compute,
        task: str = "",
        objective: tuple[str, str] = ("", "max"),
        facts: Mapping[str, Any] | None = None,
        environments: Sequence[EnvironmentSpec] = (),
        sources: Mapping[str, SourceSpec] = MappingProxyType({}),
        warn: Callable[[str], None] = lambda message: None,
        show: Callable[[str], None] = lambda text: None,
        tell_source: Callable[[str, Mapping[str, Any]], None] | None = None,
        data_record: DataRecord | None = None,
    ) -> None:
        self.seed = seed
        self.budget = budget
        self.dir = dir
        self.task = task
        self.objective = objective
        self.clock = 0
        self.schedules = Schedules(budget)
        self.compute = compute
        self.randomness = Randomness(seed, compute.device)
        self.window = MetricAccumulator()
        self.facts: dict[str, Any] = dict(facts or {})
        self.shown: list[tuple[str, Any]] = []
        self.warn, self.show = warn, show
        self._environments = tuple(environments)
        self._sources = sources
        self._tell_source = tell_source
        self._data_record = data_record
        self._data: list[weakref.ref[Data]] = []
        self._train_envs: list[Envs] = []
        self._all_envs: list[Envs] = []
        self._restored_envs: list[Any] = []
        self._objects = memory.held()  # a loaded run makes environments later

    # -- time

    def progress(self, schedule: str, span: float = 1.0, clock: int | None = None) -> float:
        """Return how much of a schedule is done, from 0 to 1: all of it after `span` of the budget.

        It never goes back, also where the budget is raised later: a schedule that has ended has
        ended. `schedule` is its name, for messages; `clock` another moment than the present one.
        """
        return self.schedules.progress(schedule, self.clock if clock is None else clock, span)

    # -- computing

    def check_room(
        self, needed: int, what: str, advice: str, device: torch.device | None = None
    ) -> None:
        """Raise UsageError where `what` takes more bytes than are free on a device, the run's or
        another, and say what it takes where that is much. `advice` says what to do."""
        check_room(needed, device or self.device, what, advice)
        if needed > LARGE:
            self.warn(f"{what} takes {in_gigabytes(needed)}")

    @property
    def device(self) -> torch.device:
        return self.compute.device

    @property
    def rng(self) -> np.random.Generator:
        return self.randomness.numpy

    @property
    def generator(self) -> torch.Generator:
        return self.randomness.torch

    def wrap(self, module: nn.Module, compile: bool = True) -> Any:
        """Move a module to the device, compile it if the run is compiled, and switch its mode
        around evaluations. In place: state keys never change.

        `compile=False` is for small inputs: entering a compiled module then takes longer than
        computing it. An update by `make_update` is compiled all the same.
        """
        return self.compute.wrap(module, compile)

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context for forward passes and losses in the run's precision."""
        return self.compute.autocast()

    def optimize(
        self, optimizer: torch.optim.Optimizer, loss: torch.Tensor, clip_norm: float | None = None
    ) -> None:
        """Clear gradients, go backward from `loss`, clip the gradient norm, and step."""
        optimize(self.compute, optimizer, loss, clip_norm)

    def make_update(
        self,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Loss,
        clip_norm: float | None = None,
        compile: bool = True,
    ) -> Update:
        """Return `update(batch) -> (loss, extra)` that takes one optimizer step on
        `loss(model, batch) -> (loss, extra)`, as one compiled graph if the run is compiled. A batch
        is a mapping of named tensors.

        `compile=False` is for a loss that differentiates a gradient, as penalties do: compiled code
        can be differentiated only once.
        """
        return make_update(self.compute, module, optimizer, loss, clip_norm, compile)

    # -- logging

    def log(self, name: str, value: Value) -> None:
        """Add a training metric by bare name (`loss`); its mean over the window is logged.

        It is one number, or a tensor [S] with one value per lane; a run has one lane, S = 1.
        """
        self.window.add(name, value)

    def media(self, name: str, content: Any) -> None:
        """Record a picture (uint8 [H, W, 3]), a matplotlib figure, a `lab.Clip`, a
        `lab.Table` or a text."""
        self.shown.append((name, content))

    # -- remembering

    def run_constant(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return plain data that is computed once in a run's life and kept in its checkpoints:
        the shapes that networks are built from, say."""
        if name not in self.facts:
            self.facts[name] = to_plain(compute())
        return self.facts[name]

    def cache(self, key: str) -> Path:
        """Return the path of a file that all runs of a runs folder share, so that what is costly is
        computed once. `key` is a content address: it changes with all that decides the content, as
        `features/<digest>.pt` does. Nothing is written here; `lab.generative.cached` does, and
        survives torn files and other processes. The variable LAB_CACHE names another folder.

        Raises ValueError for a key that leads elsewhere.
        """
        if not CACHE_KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no plain relative path")
        folder = os.environ.get("LAB_CACHE") or self.dir.absolute().parent / ".cache"
        return Path(folder).expanduser() / key

    # -- data

    def data(self, options: DataOptions) -> Data:
        """Return the data that the options choose, split into `train`, `eval` and `test`. They are
        read when they are first used; `info` is known from the checkpoint of a restored run.

        Raises UsageError for a source that no plugin offers.
        """
        data = Data(
            options, self._sources, self.device, self.seed, self.run_constant, self._warn,
            self._has_read, self._data_record,
        )  # fmt: skip
        self._data.append(weakref.ref(data))
        return data

    def _warn(self, message: str) -> None:
        self.warn(message)

    def _has_read(self, name: str, description: Mapping[str, Any]) -> None:
        if self._tell_source is not None:
            self._tell_source(name, description)

    # -- environments

    def register_env(self, env_id: str) -> str:
        """Import what registers `env_id` (`module:Id`, `namespace/Id`); return Gymnasium's id."""
        with memory.holding(self._objects):
            return make.register(env_id, self._environments)

    def make_env(self, env_id: str, **kwargs: Any) -> Any:
        """Make one environment, to look at its spaces or to show an episode."""
        with untouched():
            return make.make_env(self.register_env(env_id), **kwargs)

    def look_at_env(self, env_id: str, **kwargs: Any) -> Any:
        """Make one environment to read its spaces off, and return it closed. Before, it is held to
        Gymnasium's contract for a few steps, and what its wrappers change is told.

        Raises UsageError for an environment that does not keep the contract.
        """
        with untouched():
            env = make.make_env(self.register_env(env_id), **kwargs)
            try:
                for line in (*make.notes(env), *check_contract(env)):
                    self.warn(line)
            finally:
                env.close()
        return env

    def make_envs(
        self,
        env_id: str,
        num_envs: int,
        *,
        train: bool = True,
        native: bool = True,
        wrappers: Sequence[Wrapper] = (),
        vector: VectorMaker | None = None,
        time_limit: int | None = None,
        **kwargs: Any,
    ) -> Envs:
        """Make environments to step together, with a native vector version where there is one and
        `native` allows it, or with `vector(number, time_limit)`, which does by itself what the
        wrappers do, and whose state is not saved. `time_limit` truncates episodes, in addition to
        any limit of the environment's own.

        Those to train in are seeded here, and the runner saves and restores their state. Those to
        evaluate in (`train=False`) are reset with a seed drawn from `rng` at each evaluation, which
        has to end: where there is no time limit, there is one of 27,000 steps.
        """

        with untouched():  # what is made on first use may not move training's randomness
            return self._make_envs(
                env_id, num_envs, train, native, wrappers, vector, time_limit, kwargs
            )

    def _make_envs(
        self,
        env_id: str,
        num_envs: int,
        train: bool,
        native: bool,
        wrappers: Sequence[Wrapper],
        vector: VectorMaker | None,
        time_limit: int | None,
        kwargs: Mapping[str, Any],
    ) -> Envs:
        name = self.register_env(env_id)
        cuts = not train and time_limit is None and registered_limit(name, kwargs) is None
        limit = EVALUATION_STEPS if cuts else time_limit
        fast = next((e.native[name] for e in self._environments if name in e.native), None)

        def build() -> Envs:
            vector_id = self.register_env(fast) if fast else None
            return make.make_envs(
                name,
                num_envs,
                native=native,
                wrappers=wrappers,
                vector_id=vector_id,
                vector=vector,
                time_limit=limit,
                **kwargs,
            )

        envs = build()
        envs.tell, envs.cut_after = self._warn, limit if cuts else None
        self._all_envs.append(envs)
        if train:
            self._prepare(envs, build)
        return envs

    def _prepare(self, envs: Envs, build: Callable[[], Envs]) -> None:
        index = len(self._train_envs)
        self._train_envs.append(envs)
        self._begin(index)
        name = f"envs {index} exact"
        envs.exact = self.run_constant(name, lambda: envs.exact and make.is_exact(build))
        if not envs.exact:
            self.warn("The environment's state cannot be saved: on resume its episodes restart.")
        if index < len(self._restored_envs):
            envs.load_state_dict(self._restored_envs[index])

    def _begin(self, index: int) -> None:
        """Seed by the clock too: an episode that restarts on resume must be a new one."""
        self._train_envs[index].reset(derive_seed(self.seed, "envs", index, self.clock))

    # -- for the runner

    def not_finite(self) -> str | None:
        """Say which environment or data held a value that is not finite; None where none did."""
        for envs in self._all_envs:
            if place := envs.not_finite():
                return f"{envs.name} gave {place}"
        for data in self._alive_data():
            if place := data.not_finite():
                return f"{data.request.data} gave {place}"
        return None

    def read_again(self) -> None:
        """Read now what the run has read before. Raises UsageError where that has changed: before
        anything is written, rather than in the first step."""
        for data in self._alive_data():
            if self._data_record is not None and data.words in self._data_record:
                data.parts  # noqa: B018

    def _alive_data(self) -> Iterator[Data]:
        return filter(None, (reference() for reference in self._data))

    def envs_state(self) -> list[Any]:
        """Return the state of the training environments, in the order they were made."""
        made = [to_plain(envs.state_dict()) for envs in self._train_envs]
        return made + [to_plain(state) for state in self._restored_envs[len(made) :]]

    def load_envs_state(self, states: Sequence[Any]) -> None:
        """Restore training environments: those made already at once, the others when made."""
        self._restored_envs = [from_plain(state) for state in states]
        for index, envs in enumerate(self._train_envs[: len(states)]):
            self._begin(index)
            envs.load_state_dict(self._restored_envs[index])

    def close(self) -> None:
        """Close every environment that was made. One that fails at it costs no run."""
        for envs in self._all_envs:
            try:
                envs.close()
            except Exception as error:  # it may have been left in the middle of a step
                self.warn(f"{envs.name} could not be closed: {describe(error)}")
