"""One command line and one Python API for every classic family of deep networks.

Everything a plugin author or a notebook imports is a name of this module. Names load what they need
when first used, so that `import lab` stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

__version__ = "0.1.0"

_HOME = {
    "DatasetInfo": "lab.data.dataset_info",
    "Augment": "lab.data.augment",
    "AugmentOptions": "lab.data.options",
    "Batch": "lab.data.batches",
    "Batches": "lab.data.batches",
    "Clip": "lab.storage.media",
    "CommandSpec": "lab.spec",
    "Comparison": "lab.comparison.tables",
    "Config": "lab.config",
    "Context": "lab.engine.context",
    "Data": "lab.data.data",
    "DataOptions": "lab.data.options",
    "Dataset": "lab.data.dataset",
    "Diverged": "lab.errors",
    "EnvConfig": "lab.environments",
    "EnvironmentSpec": "lab.spec",
    "Envs": "lab.environments",
    "Episodes": "lab.environments",
    "Experiment": "lab.engine.experiment",
    "ExperimentSpec": "lab.spec",
    "Finding": "lab.spec",
    "InputWarning": "lab.errors",
    "LabError": "lab.errors",
    "NotInstalled": "lab.errors",
    "OneOf": "lab.options",
    "Options": "lab.options",
    "Outcome": "lab.launch",
    "Play": "lab.config",
    "Plugins": "lab.plugins",
    "Run": "lab.storage.store",
    "Runs": "lab.storage.store",
    "RunFolder": "lab.storage.store",
    "RunFailed": "lab.errors",
    "RunInfo": "lab.tracking.tracker",
    "RunResult": "lab.engine.session",
    "RunSpec": "lab.launch",
    "RunsFailed": "lab.launch",
    "RunsInterrupted": "lab.launch",
    "ShuffledBatches": "lab.data.batches",
    "SourceSpec": "lab.spec",
    "Split": "lab.data.batches",
    "Step": "lab.environments",
    "Table": "lab.storage.media",
    "TextOptions": "lab.data.options",
    "Tracker": "lab.tracking.tracker",
    "TrackerSpec": "lab.spec",
    "UsageError": "lab.errors",
    "compare": "lab.api",
    "env_spec": "lab.environments",
    "evaluate": "lab.trained",
    "from_plain": "lab.compute.rng",
    "hookimpl": "lab.hookspecs",
    "load": "lab.trained",
    "play_episodes": "lab.environments",
    "range_test": "lab.lr_finder",
    "record_episode": "lab.environments",
    "resume": "lab.api",
    "run": "lab.api",
    "run_many": "lab.launch",
    "runs": "lab.api",
    "sample": "lab.trained",
    "to_plain": "lab.compute.rng",
    "use": "lab.trained",
}

__all__ = ["__version__", *_HOME]

if TYPE_CHECKING:
    from lab.api import compare as compare
    from lab.api import resume as resume
    from lab.api import run as run
    from lab.api import runs as runs
    from lab.comparison.tables import Comparison as Comparison
    from lab.compute.rng import from_plain as from_plain
    from lab.compute.rng import to_plain as to_plain
    from lab.config import Config as Config
    from lab.config import Play as Play
    from lab.data.augment import Augment as Augment
    from lab.data.batches import Batch as Batch
    from lab.data.batches import Batches as Batches
    from lab.data.batches import ShuffledBatches as ShuffledBatches
    from lab.data.batches import Split as Split
    from lab.data.data import Data as Data
    from lab.data.dataset import Dataset as Dataset
    from lab.data.dataset_info import DatasetInfo as DatasetInfo
    from lab.data.options import AugmentOptions as AugmentOptions
    from lab.data.options import DataOptions as DataOptions
    from lab.data.options import TextOptions as TextOptions
    from lab.engine.context import Context as Context
    from lab.engine.experiment import Experiment as Experiment
    from lab.engine.session import RunResult as RunResult
    from lab.environments import EnvConfig as EnvConfig
    from lab.environments import Envs as Envs
    from lab.environments import Episodes as Episodes
    from lab.environments import Step as Step
    from lab.environments import env_spec as env_spec
    from lab.environments import play_episodes as play_episodes
    from lab.environments import record_episode as record_episode
    from lab.errors import Diverged as Diverged
    from lab.errors import InputWarning as InputWarning
    from lab.errors import LabError as LabError
    from lab.errors import NotInstalled as NotInstalled
    from lab.errors import RunFailed as RunFailed
    from lab.errors import UsageError as UsageError
    from lab.hookspecs import hookimpl as hookimpl
    from lab.launch import Outcome as Outcome
    from lab.launch import RunsFailed as RunsFailed
    from lab.launch import RunsInterrupted as RunsInterrupted
    from lab.launch import RunSpec as RunSpec
    from lab.launch import run_many as run_many
    from lab.lr_finder import range_test as range_test
    from lab.options import OneOf as OneOf
    from lab.options import Options as Options
    from lab.plugins import Plugins as Plugins
    from lab.spec import CommandSpec as CommandSpec
    from lab.spec import EnvironmentSpec as EnvironmentSpec
    from lab.spec import ExperimentSpec as ExperimentSpec
    from lab.spec import Finding as Finding
    from lab.spec import SourceSpec as SourceSpec
    from lab.spec import TrackerSpec as TrackerSpec
    from lab.storage.media import Clip as Clip
    from lab.storage.media import Table as Table
    from lab.storage.store import Run as Run
    from lab.storage.store import RunFolder as RunFolder
    from lab.storage.store import Runs as Runs
    from lab.tracking.tracker import RunInfo as RunInfo
    from lab.tracking.tracker import Tracker as Tracker
    from lab.trained import evaluate as evaluate
    from lab.trained import load as load
    from lab.trained import sample as sample
    from lab.trained import use as use


__getattr__, __dir__ = attach(__name__, _HOME)
