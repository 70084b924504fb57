"""Replay says how much memory it takes, before it takes it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from dqn_tools import make_dqn

import lab
from lab.compute import free_memory
from lab_dqn.replay.memory import ring_size

SCREEN = (210, 160, 3)


def test_pictures_are_kept_once_and_a_quarter() -> None:
    """A million screens of an Atari machine: 100,800 bytes each."""
    for stack in (1, 4):
        ring, margin = ring_size(1_000_000, SCREEN, torch.uint8, stack, 1, 1)
        assert ring == 1_250_000 + 2 * margin
    ring, margin = ring_size(1_000, (4,), torch.float32, 1, 1, 1)
    assert ring == 2_000 + 2 * margin  # of CartPole also where each episode is one step long


def test_what_has_no_room_is_refused_before_it_is_allocated(monkeypatch) -> None:
    monkeypatch.setattr(free_memory, "free_bytes", lambda device: 10 * 2**30)
    options: dict[str, Any] = {
        "env": "worlds:worlds/Odd-v0",
        "env_args": {"observation": "bytes last"},
    }
    dqn = make_dqn(**options, buffer_size=10_000_000, hidden=(4,))
    message = "--buffer-size 10,000,000 needs 67.1 GiB; this machine has 10.0 GiB free. Give less"
    with pytest.raises(lab.UsageError, match=message):
        _ = dqn.memory


def test_much_is_told(monkeypatch) -> None:
    monkeypatch.setattr(free_memory, "free_bytes", lambda device: 10 * 2**30)
    said: list[str] = []
    options: dict[str, Any] = {
        "env": "worlds:worlds/Odd-v0",
        "env_args": {"observation": "bytes last"},
    }
    dqn = make_dqn(**options, buffer_size=200_000, hidden=(4,), warn=said.append)
    _ = dqn.memory  # 5,760 bytes each; only what is written takes real memory
    assert said == ["--buffer-size 200,000 takes 1.3 GiB"]


def test_the_smaller_of_machine_and_container_is_free(tmp_path, monkeypatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  8000 kB\nMemAvailable:  3000 kB\n")
    monkeypatch.setattr(free_memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(free_memory, "CGROUP", tmp_path)
    cpu = torch.device("cpu")
    assert free_memory.free_bytes(cpu) == 3_000 * 1_024
    (tmp_path / "memory.max").write_text("2000000\n")
    (tmp_path / "memory.current").write_text("1500000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 300000\n")
    assert free_memory.free_bytes(cpu) == 800_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory.free_bytes(cpu) == 3_000 * 1_024
    monkeypatch.setattr(free_memory, "MEMINFO", tmp_path / "nowhere")
    assert free_memory.free_bytes(cpu) is None
