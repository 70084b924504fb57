"""One honest source, tracker, world and command, and one for each way to break a promise."""

from __future__ import annotations

import json
import os
import random
import tempfile
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import kinds_commands
import numpy as np
import torch
from gymnasium.vector import SyncVectorEnv
from pydantic import Field

import lab

MODULE = "kinds_specimens"
RELEASE = threading.Event()  # what hanging specimens wait for
KEPT: list[Any] = []
CALLS = count()
OWN_CACHE = tempfile.TemporaryDirectory()  # the user's own, unless a check sets another


# -- sources


class Options(lab.Options):
    n: int = Field(100, ge=30, description="Points.")


class Undescribed(lab.Options):
    n: int = 100


class Several(lab.Options):
    n: int = Field(100, ge=30, description="Points.")
    task: Literal["classify", "regress"] = Field("classify", description="What to learn.")


def points(n: int = 100, seed: int = 0, dtype: Any = np.float32) -> lab.Dataset:
    x = np.random.default_rng(seed).random((n, 2)).astype(dtype)
    return lab.Dataset(x, (x[:, 0] > x[:, 1]).astype(np.int64), classes=("below", "above"))


def several(n: int, task: str) -> lab.Dataset:
    return points(n)


def from_file(path: str) -> lab.Dataset:
    return points(int(Path(path).read_text()))


def write_example(folder: Path) -> str:
    (folder / "n.txt").write_text("100")
    return str(folder / "n.txt")


def refused() -> lab.Dataset:
    raise lab.UsageError("there is no such thing")


def elsewhere() -> lab.Dataset:
    raise lab.NotInstalled("specimen reads a file of elsewhere: pip install elsewhere")


def in_color() -> lab.Dataset:
    pixels = np.random.default_rng(0).random((60, 3, 8, 8)).astype(np.float32)
    return lab.Dataset(pixels, np.arange(60) % 2, classes=("a", "b"))


def without_a_class() -> lab.Dataset:
    dataset = points()
    return lab.Dataset(dataset.inputs, dataset.targets, classes=("below", "above", "beyond"))


def few() -> lab.Dataset:
    return points(4)


def other_each_time() -> lab.Dataset:
    return points(seed=next(CALLS))


def unordered() -> lab.Dataset:
    words = {f"word {number}" for number in range(50)}
    return points(seed=hash(tuple(words)) % 1_000)


def drawing() -> lab.Dataset:
    random.random()
    return points()


def printing() -> lab.Dataset:
    print("loading")
    return points()


def littering() -> lab.Dataset:
    Path("litter.txt").write_text("x")
    return points()


def downloading() -> lab.Dataset:
    cache = Path(os.environ.get("XDG_CACHE_HOME", OWN_CACHE.name)) / "specimens"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "points").write_text("x")
    return points()


def upsetting() -> lab.Dataset:
    os.environ["UPSET"] = "yes"
    return points()


def source(load: Any, options: Any = None, **facts: Any) -> lab.SourceSpec:
    path = f"{MODULE}:{options.__name__}" if options else ""
    return lab.SourceSpec("specimen", "Points", f"{MODULE}:{load.__name__}", path, **facts)


SOURCES = {
    "honest": source(points, Options),
    "honest-file": source(from_file, argument="PATH", example=f"{MODULE}:write_example"),
    "honest-task": source(several, Several, task=""),
    "honest-cache": source(downloading),
}
BROKEN_SOURCES = [
    ("spec_is_complete", source(points, Options, task="guess"), "none of classify"),
    ("spec_is_complete", source(few, Options), "does not take n"),
    ("options_are_described", source(points, Undescribed), "has no description"),
    ("data_are_consistent", source(in_color), "The inputs are a image of float32"),
    ("data_are_consistent", source(points, task="regress"), "says that it is to regress"),
    ("data_are_consistent", source(refused), "there is no such thing"),
    ("every_class_has_examples", source(without_a_class), "no example of the class beyond"),
    ("data_can_be_split", source(few), "specimen"),
    ("the_same_data_twice", source(other_each_time), "Loaded twice, the data differ"),
    ("randomness_is_its_own", source(drawing), "the global generator of python"),
    ("nothing_is_printed", source(printing), "Loading prints 'loading'"),
    ("files_stay_in_the_cache", source(littering), "left litter.txt in the home"),
    ("the_process_is_left_as_found", source(upsetting), "the environment variables"),
]


# -- trackers


class Honest:
    """Write events to a file in the run folder."""

    def start(self, run: lab.RunInfo) -> None:
        self.file = (run.dir / "events.jsonl").open("a" if run.resumed else "w")

    def write(self, *facts: Any) -> None:
        self.file.write(json.dumps(facts, default=str) + "\n")

    def source(self, name: str, description: Any) -> None:
        self.write("source", name)

    def row(self, row: Any) -> None:
        self.write("row", dict(row))

    def media(self, name: str, path: Path, clock: int) -> None:
        self.write("media", name)

    def checkpoint(self, name: str, path: Path) -> None:
        self.write("checkpoint", name)

    def finish(self, summary: Any) -> None:
        self.write("finish", summary["state"])
        self.file.close()


class Elsewhere(Honest):
    """Keep the record in the home, and say so."""

    def start(self, run: lab.RunInfo) -> None:
        folder = Path.home() / "ledger"
        folder.mkdir(exist_ok=True)
        self.file = (folder / f"{run.id}.jsonl").open("a")
        self.url = (folder / f"{run.id}.jsonl").as_uri()


class Needy(Honest):
    def __init__(self, address: str) -> None:
        self.address = address


class Deaf(Honest):
    media = None  # type: ignore[assignment]


class Short(Honest):
    def media(self, name: str, path: Path) -> None:  # type: ignore[override]
        self.write("media", name)


class Raising(Honest):
    def checkpoint(self, name: str, path: Path) -> None:
        raise ValueError("no room")


class Hanging(Honest):
    def finish(self, summary: Any) -> None:
        RELEASE.wait()


class Forgetful(Honest):
    def start(self, run: lab.RunInfo) -> None:
        self.file = (run.dir / "events.jsonl").open("w")


class Repeating(Honest):
    """Write what it already has once more when it is resumed."""

    def start(self, run: lab.RunInfo) -> None:
        path = run.dir / "events.jsonl"
        past = path.read_text() if run.resumed and path.exists() else ""
        super().start(run)
        self.file.write(past)


class Meddling(Honest):
    def finish(self, summary: Any) -> None:
        super().finish(summary)
        with Path(self.file.name).with_name("metrics.jsonl").open("a") as file:
            file.write("{}\n")


class Littering(Honest):
    def start(self, run: lab.RunInfo) -> None:
        super().start(run)
        (Path.home() / "mine.txt").write_text("x")


class Printing(Honest):
    def row(self, row: Any) -> None:
        print("a row")


class Leaking(Honest):
    def finish(self, summary: Any) -> None:
        KEPT.append(self.file)


class Upsetting(Honest):
    def start(self, run: lab.RunInfo) -> None:
        super().start(run)
        torch.set_default_dtype(torch.float64)


class Seeding(Honest):
    def row(self, row: Any) -> None:
        torch.manual_seed(0)


class Harmful(Honest):
    """Meddle with the run once it knows of a failure: at its next event there is none."""

    def write(self, *facts: Any) -> None:
        if type(self) is not Harmful:  # made to fail
            torch.manual_seed(0)
        super().write(*facts)


class Lingering(Honest):
    """Keep a thread that only `finish` ends."""

    def start(self, run: lab.RunInfo) -> None:
        super().start(run)
        self.ended = threading.Event()
        KEPT.append(self.ended)
        threading.Thread(target=self.ended.wait, name="lingering", daemon=False).start()

    def finish(self, summary: Any) -> None:
        super().finish(summary)
        self.ended.set()


class Shade(lab.Options):
    shade: str = Field("dark", description="Shade of the ink.")


class Needed(lab.Options):
    shade: str = Field(description="Shade of the ink.")


class Greedy(lab.Options):
    seed: str = Field("mine", description="Seed of the ink.")


class Shaded(Honest):
    def __init__(self, options: Shade) -> None:
        self.shade = options.shade

    def hints(self) -> Iterator[str]:
        yield f"It is {self.shade}."


class Blinding(Shaded):
    def hints(self) -> Iterator[str]:
        raise ValueError("no light")
        yield


def tracker(kind: type[Any], options: type[Any] | None = None) -> lab.TrackerSpec:
    path = f"{MODULE}:{options.__name__}" if options else ""
    return lab.TrackerSpec("specimen", f"{MODULE}:{kind.__name__}", path)


TRACKERS = {
    "honest": tracker(Honest),
    "honest-elsewhere": tracker(Elsewhere),
    "honest-with-options": tracker(Shaded, Shade),
}
BROKEN_TRACKERS = [
    ("it_has_the_methods_of_a_tracker", tracker(Needy), "cannot be made with no arguments"),
    ("it_has_the_methods_of_a_tracker", tracker(Honest, Shade), "made with its options alone"),
    ("its_options_are_described", tracker(Shaded, Undescribed), "'n' has no description"),
    ("its_options_are_described", tracker(Shaded, Needed), "--shade has no default"),
    ("its_options_are_described", tracker(Shaded, Honest), "is no lab.Options"),
    ("its_options_are_its_own", tracker(Shaded, Greedy), "--seed is an option of the runner"),
    ("it_takes_all_of_a_run", tracker(Blinding, Shade), "hints raises ValueError: no light"),
    ("it_has_the_methods_of_a_tracker", tracker(Deaf), "has no method 'media'"),
    ("it_has_the_methods_of_a_tracker", tracker(Short), "media(name, path, clock)"),
    ("it_takes_all_of_a_run", tracker(Raising), "checkpoint raises ValueError: no room"),
    ("it_answers_in_time", tracker(Hanging), "hangs in finish"),
    ("a_resumed_run_is_continued", tracker(Forgetful), "begins anew"),
    ("a_resumed_run_is_continued", tracker(Repeating), "holds lines twice"),
    ("the_runs_own_files_are_left_alone", tracker(Meddling), "changed metrics.jsonl"),
    ("files_stay_where_it_says", tracker(Littering), "left mine.txt"),
    ("nothing_is_printed", tracker(Printing), "prints 'a row'"),
    ("nothing_is_leaked", tracker(Leaking), "events.jsonl"),
    ("the_process_is_left_as_found", tracker(Upsetting), "torch's default dtype"),
    ("a_run_learns_the_same", tracker(Seeding), "other metrics"),
    ("a_run_learns_the_same", tracker(Raising), "no room"),
    ("its_failure_harms_no_run", tracker(Harmful), "other metrics"),
    ("it_holds_up_no_exit", tracker(Lingering), "the thread lingering"),
]


# -- environments


class World(gym.Env[Any, Any]):
    """Guess the side of a coin, ten times."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012
    shape: tuple[int, ...] = (8, 8, 3)

    def __init__(self, render_mode: str | None = None) -> None:
        self.observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
        self.action_space = gym.spaces.Discrete(2)
        self.render_mode = render_mode
        self.steps = 0

    def toss(self) -> Any:
        self.coin = int(self.np_random.integers(2))
        return np.array([self.coin], np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self.toss(), {}

    def step(self, action: Any) -> Any:
        reward = float(action == self.coin)
        self.steps += 1
        return self.toss(), reward, self.steps == 10, False, {}

    def render(self) -> Any:
        return np.zeros(self.shape, np.uint8)


class Outside(World):
    def toss(self) -> Any:
        return super().toss() + 5


class Renamed(World):
    def reset(self, **kwargs: Any) -> Any:
        self.spec = gym.spec("CartPole-v1")
        return super().reset(**kwargs)


class Unseeded(World):
    def toss(self) -> Any:
        self.coin = random.randrange(2)
        return np.array([self.coin + random.random()], np.float32) / 2


class Endless(World):
    def step(self, action: Any) -> Any:
        obs, reward, _, _, info = super().step(action)
        return obs, reward, False, False, info


class Flat(World):
    shape = (8, 8)


class Learned(World):
    """What it shows depends on the episodes before."""

    episodes = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.episodes += 1
        return super().reset(seed=seed)

    def toss(self) -> Any:
        return super().toss() / self.episodes


class Vector(SyncVectorEnv):
    """Many worlds at once: the same as one by one."""

    def __init__(self, num_envs: int, kind: type[World] = World, **kwargs: Any) -> None:
        super().__init__([kind] * num_envs)


class Generous(World):
    def step(self, action: Any) -> Any:
        obs, reward, *rest = super().step(action)
        return obs, reward + self.steps, *rest


class GenerousVector(Vector):
    def __init__(self, num_envs: int, **kwargs: Any) -> None:
        super().__init__(num_envs, Generous)


WORLDS = (World, Outside, Renamed, Unseeded, Endless, Flat, Learned)


def register() -> None:
    """Register each world under a namespace of its own."""
    for world in WORLDS:
        name = f"{world.__name__.lower()}/Coin-v0"
        gym.register(name, f"{MODULE}:{world.__name__}", disable_env_checker=True)
    maker: Any = World  # of what Gymnasium can make, it types functions of keywords alone
    vectors: dict[str, Any] = {"native": Vector, "generous": GenerousVector}
    for word, vector in vectors.items():
        gym.register(f"{word}/Coin-v0", maker, vector_entry_point=vector)


register()


def worlds(namespace: str, **facts: Any) -> lab.EnvironmentSpec:
    return lab.EnvironmentSpec(namespace, facts.pop("module", MODULE), **facts)


ENVIRONMENTS = {
    "honest": worlds("world"),
    "honest-native": worlds("native", native={"world/Coin-v0": "native/Coin-v0"}),
}
BROKEN_ENVIRONMENTS = [
    ("its_module_registers_environments", worlds("nowhere"), "registers no environment"),
    ("its_module_registers_environments", worlds("x", module="not_there"), "cannot be imported"),
    ("it_keeps_gymnasiums_rules", worlds("outside"), "breaks a rule of Gymnasium"),
    ("it_knows_its_id", worlds("renamed"), "its spec says CartPole-v1"),
    ("the_same_seed_gives_the_same_episode", worlds("unseeded"), "another episode"),
    ("episodes_end", worlds("endless"), "nothing limits it"),
    ("it_can_be_shown", worlds("flat"), "returns no uint8 [H, W, 3]"),
    ("native_versions_equal_their_originals",
     worlds("generous", native={"world/Coin-v0": "generous/Coin-v0"}), "the reward of generous"),
]  # fmt: skip


BROKEN: dict[str, list[tuple[str, Any, str]]] = {
    "source": BROKEN_SOURCES,
    "tracker": BROKEN_TRACKERS,
    "environment": BROKEN_ENVIRONMENTS,
    "command": kinds_commands.BROKEN,
}
HONEST: dict[str, dict[str, Any]] = {
    "source": SOURCES,
    "tracker": TRACKERS,
    "environment": ENVIRONMENTS,
    "command": kinds_commands.HONEST,
}
