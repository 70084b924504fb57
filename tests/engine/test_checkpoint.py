"""A checkpoint is complete or absent, and a damaged one is never taken for a state."""

from __future__ import annotations

import enum
import os
import pathlib
import zipfile
from collections import OrderedDict, defaultdict, deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import difference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.engine import checkpoint
from lab.engine.checkpoint import Checkpoints, Damaged, check_plain
from lab.errors import LabError, UsageError
from lab.storage.store import BEST, LAST, PREVIOUS


def state(number: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(number)
    weights = {"w": torch.randn(3, 5, generator=generator), "b": torch.arange(4) + number}
    return {"model": weights, "number": number, "words": ["a", ("b", 2.5)], "none": None}


def folder_of(path: Path) -> Checkpoints:
    path.mkdir(exist_ok=True)
    return Checkpoints(path, lambda message: None)


def number_of_last(checkpoints: Checkpoints) -> int:
    """Return which state the last checkpoint holds."""
    last = checkpoints.load_last()
    assert last is not None
    return int(last["number"])


@pytest.fixture(scope="module")
def good() -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        checkpoint.save(Path(scratch) / "x.pt", state(1))
        return (Path(scratch) / "x.pt").read_bytes()


def loads_right_or_not_at_all(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        loaded = checkpoint.load(path)
    except Damaged:
        return False
    assert difference(loaded, state(1)) is None
    return True


def test_a_checkpoint_loads_with_plain_torch(tmp_path) -> None:
    checkpoint.save(tmp_path / LAST, state(1))
    assert difference(torch.load(tmp_path / LAST, weights_only=True), state(1)) is None
    assert difference(checkpoint.load(tmp_path / LAST), state(1)) is None


@pytest.mark.parametrize("mask", [0x01, 0x10, 0xFF])
def test_no_flipped_byte_gives_a_wrong_state(tmp_path, good, mask) -> None:
    """Every byte of a small checkpoint, one at a time."""
    harmless = 0
    for index in range(len(good)):
        flipped = bytearray(good)
        flipped[index] ^= mask
        harmless += loads_right_or_not_at_all(tmp_path / "x.pt", bytes(flipped))
    assert harmless < len(good)  # padding between records, dates


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_of_several_bytes_gives_a_wrong_state(tmp_path, good, data) -> None:
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(good) - 1))
        new = data.draw(st.binary(min_size=1, max_size=64))
        damaged[at : at + len(new)] = new
    loads_right_or_not_at_all(tmp_path / "x.pt", bytes(damaged))


def test_no_truncation_gives_a_state(tmp_path, good) -> None:
    for length in range(0, len(good), 7):
        assert not loads_right_or_not_at_all(tmp_path / "x.pt", good[:length])
    assert loads_right_or_not_at_all(tmp_path / "x.pt", good)


def test_a_folder_or_foreign_file_in_its_place_is_damage(tmp_path) -> None:
    (tmp_path / "x.pt").mkdir()
    with pytest.raises(Damaged):
        checkpoint.load(tmp_path / "x.pt")
    with zipfile.ZipFile(tmp_path / "y.pt", "w") as archive:
        archive.writestr("hello.txt", "not torch")
    with pytest.raises(Damaged):
        checkpoint.load(tmp_path / "y.pt")


def test_a_checkpoint_that_runs_code_is_refused(tmp_path) -> None:
    class Evil:
        def __reduce__(self):
            return (os.system, ("touch /tmp/lab-evil",))

    checkpoint.save(tmp_path / "x.pt", {"model": Evil()})
    with pytest.raises(Damaged, match="weights_only"):
        checkpoint.load(tmp_path / "x.pt")
    assert not Path("/tmp/lab-evil").exists()


FILE_OPERATIONS = (("torch", "save"), ("os", "fsync"), ("path", "replace"), ("path", "open"))


def die_at(step: int) -> None:
    """End this process like a SIGKILL before its `step`-th operation on files, or within it where
    the operation is a write."""
    left = step

    def dying(original, partial=None):
        def call(*args, **kwargs):
            nonlocal left
            left -= 1
            if left == 0:
                if partial:
                    partial(*args)
                os._exit(9)
            return original(*args, **kwargs)

        return call

    def half(content, file) -> None:
        import io

        buffer = io.BytesIO()
        save(content, buffer)
        file.write(buffer.getvalue()[: buffer.tell() // 2])
        file.flush()

    save = torch.save
    torch.save = dying(torch.save, half)
    os.fsync = dying(os.fsync)
    pathlib.Path.replace = dying(pathlib.Path.replace)  # type: ignore[method-assign]
    pathlib.Path.open = dying(pathlib.Path.open)  # type: ignore[method-assign]


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_save_killed_at_any_point_leaves_the_old_or_the_new_state(tmp_path, before) -> None:
    for step in range(1, 50):
        checkpoints = folder_of(tmp_path / str(step))
        for number in range(before):
            checkpoints.save(LAST, state(number))
        child = os.fork()
        if child == 0:
            die_at(step)
            checkpoints.save(LAST, state(before))
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        last = checkpoints.load_last()
        assert (last["number"] if last else -1) in (before - 1, before)
        checkpoints.save(LAST, state(before + 1))  # what was left behind is in nobody's way
        assert number_of_last(checkpoints) == before + 1
        if status == 0:
            break
    assert status == 0
    assert step >= 5


@pytest.mark.parametrize("operation", ["save", "fsync", "replace"])
@pytest.mark.parametrize("call", [1, 2])
def test_a_save_that_fails_leaves_the_old_state_and_no_litter(
    tmp_path, monkeypatch, operation, call
) -> None:
    checkpoints = folder_of(tmp_path)
    for number in range(2):
        checkpoints.save(LAST, state(number))
    target = {"save": torch, "fsync": os, "replace": Path}[operation]
    original, calls = getattr(target, operation), 0

    def fail(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(28, "No space left on device")
        return original(*args, **kwargs)

    monkeypatch.setattr(target, operation, fail)
    if (operation, call) != ("save", 2):
        with pytest.raises(OSError, match="No space"):
            checkpoints.save(LAST, state(2))
    monkeypatch.undo()
    assert number_of_last(checkpoints) in (1, 2)
    assert not list(tmp_path.glob("*.tmp"))


def test_last_moves_its_predecessor_to_prev(tmp_path) -> None:
    checkpoints = folder_of(tmp_path)
    for number in range(3):
        checkpoints.save(LAST, state(number))
    assert checkpoint.load(tmp_path / LAST)["number"] == 2
    assert checkpoint.load(tmp_path / PREVIOUS)["number"] == 1


def test_a_damaged_last_falls_back_to_prev_with_a_warning(tmp_path) -> None:
    warnings: list[str] = []
    checkpoints = Checkpoints(tmp_path, warnings.append)
    checkpoints.save(LAST, state(0))
    checkpoints.save(LAST, state(1))
    (tmp_path / LAST).write_bytes((tmp_path / LAST).read_bytes()[:-100])
    assert number_of_last(checkpoints) == 0
    assert len(warnings) == 1
    assert "last.pt is damaged" in warnings[0]


def test_a_damaged_last_never_replaces_the_good_prev(tmp_path) -> None:
    """After a fallback, the next save must not move the damaged file over the only good one."""
    checkpoints = folder_of(tmp_path)
    checkpoints.save(LAST, state(0))
    checkpoints.save(LAST, state(1))
    (tmp_path / LAST).write_bytes(b"torn")
    assert number_of_last(checkpoints) == 0
    checkpoints.save(LAST, state(2))
    assert checkpoint.load(tmp_path / PREVIOUS)["number"] == 0


def test_a_missing_last_falls_back_silently(tmp_path) -> None:
    """A crash between the two renames is no damage."""
    warnings: list[str] = []
    checkpoints = Checkpoints(tmp_path, warnings.append)
    checkpoints.save(LAST, state(0))
    checkpoints.save(LAST, state(1))
    (tmp_path / LAST).unlink()
    assert number_of_last(checkpoints) == 0
    assert warnings == []


@pytest.mark.parametrize("names", [(LAST,), (LAST, PREVIOUS)])
def test_where_all_are_damaged_nothing_is_made_up(tmp_path, names) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"torn")
    with pytest.raises(LabError, match="no usable checkpoint"):
        folder_of(tmp_path).load_last()


def test_where_none_was_written_there_is_none(tmp_path) -> None:
    assert folder_of(tmp_path).load_last() is None


@given(st.lists(st.integers(1, 10**9), unique=True, min_size=1, max_size=8), st.integers(0, 4))
def test_stamped_checkpoints_keep_the_newest(tmp_path_factory, clocks, keep) -> None:
    checkpoints = folder_of(tmp_path_factory.mktemp("stamped"))
    checkpoints.save(BEST, {"model": {}})
    for clock in sorted(clocks):
        checkpoints.save_stamped(clock, {"model": {}, "clock": clock}, keep)
    assert checkpoints.stamped() == (sorted(clocks)[-keep:] if keep else sorted(clocks))
    assert (checkpoints.dir / BEST).exists()


def test_find_takes_best_last_or_a_clock(tmp_path) -> None:
    checkpoints = folder_of(tmp_path / "checkpoints")
    checkpoints.save(LAST, state(0))
    assert checkpoints.find("best").name == LAST  # no objective, no best
    checkpoints.save(BEST, state(0))
    checkpoints.save_stamped(500, state(0), 1)
    names = {which: checkpoints.find(which).name for which in ("best", "last", "500")}
    assert names == {"best": BEST, "last": LAST, "500": "500.pt"}
    with pytest.raises(UsageError, match="no checkpoint '600'; it has: 500, best, last"):
        checkpoints.find("600")


class Color(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    "value",
    [deque([1]), np.zeros(3), np.float64(1), Path("x"), Color.RED, Number.ONE, defaultdict(int),
     lambda: 0, object(), frozenset([1]), range(3), b"", {"deep": [1, (2, {"er": deque()})]}],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_no_checkpoint_holds_is_named_by_its_keys(value) -> None:
    where = r"state_dict\(\)\['memory'\]"
    deeper = where + r"\['deep'\]\[1\]\[1\]\['er'\] is a deque" if type(value) is dict else where
    with pytest.raises(LabError, match=deeper):
        check_plain({"fine": 1, "memory": value})


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple)
    | st.sets(st.integers(), max_size=3)
    | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3).map(OrderedDict),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=50)
@given(plain_data)
def test_what_counts_as_plain_does_load_as_weights_only(tmp_path_factory, value) -> None:
    check_plain({"value": value})
    path = tmp_path_factory.mktemp("plain") / "x.pt"
    checkpoint.save(path, {"value": value})
    assert difference(checkpoint.load(path)["value"], value) is None


def test_optimizers_and_schedules_are_plain() -> None:
    net = torch.nn.Linear(2, 2)
    for kind in (torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop):
        optimizer = kind(net.parameters(), lr=0.1)
        net(torch.ones(2)).sum().backward()
        optimizer.step()
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
        check_plain({"net": net.state_dict(), "o": optimizer.state_dict(),
                     "s": schedule.state_dict()})  # fmt: skip


def test_the_best_of_a_future_that_was_lost_is_forgotten(tmp_path) -> None:
    """best.pt is written at once, last.pt later: what came between never was, after a crash."""
    kept = folder_of(tmp_path / "run")

    def best() -> int:
        return int(checkpoint.load(kept.dir / BEST)["evaluated"])

    kept.save_best({"evaluated": 10})
    kept.save_last({"clock": 10})
    kept.save_best({"evaluated": 20})
    kept.save_best({"evaluated": 30})
    kept.restore_best(10)
    assert best() == 10
    kept.restore_best(10)
    assert best() == 10
    kept.save_best({"evaluated": 20})
    kept.save_last({"clock": 25})
    kept.restore_best(20)
    assert best() == 20
    kept.restore_best(None)
    assert not (kept.dir / BEST).exists()


def test_a_best_that_came_before_any_best_of_last_is_forgotten(tmp_path) -> None:
    kept = folder_of(tmp_path / "run")
    kept.save_last({"clock": 0})
    kept.save_best({"evaluated": 10})
    kept.restore_best(None)
    assert not (kept.dir / BEST).exists()
