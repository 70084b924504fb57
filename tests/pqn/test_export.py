"""Exported Q-networks answer, in other software, as the runs that they come from: PQN and DQN."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

import lab
from lab.capabilities import Export

SHORT: dict[str, Any] = {
    "preset": "none", "hidden": (8,), "n_envs": 2, "budget": 128, "eval_every": 128,
    "eval_episodes": 2, "test_episodes": 2, "lr": 0.01,
}  # fmt: skip
PQN: dict[str, Any] = {"n_steps": 32, "reward_scale": 0.5}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "vectors": ("pqn", {**PQN, "ema": 0.9, "scale_obs": True}),
    "pictures": ("pqn", {**PQN, "env": "lab/Catch-v0", "frame_stack": 2}),
    "counted from 7": ("pqn", {
        **PQN, "env": "worlds:worlds/Street-v0", "env_args": {"houses": 4, "start": 7},
        "max_episode_steps": 20,
    }),
    "quantiles": ("dqn", {"quantiles": 3, "dueling": True, "learning_starts": 10}),
    "noise": ("dqn", {"noisy": True, "learning_starts": 10}),
}  # fmt: skip


@pytest.fixture(scope="module")
def agents(tmp_path_factory) -> Any:
    folder, made = tmp_path_factory.mktemp("runs"), dict[str, Any]()

    def agent(case: str) -> Any:
        if case not in made:
            experiment, options = CASES[case]
            fixed = {"runs_dir": folder, "wandb": "disabled", "media": False}
            made[case] = lab.load(lab.run(experiment, **fixed, **SHORT, **options).dir)
        return made[case]

    return agent


@pytest.mark.parametrize(
    ("case", "to"),
    [*((case, "torchexport") for case in CASES), ("vectors", "onnx"), ("pictures", "onnx")],
)
def test_what_is_exported_has_the_values_of_the_run(agents, tmp_path, case, to) -> None:
    agent = agents(case)
    obs = agent.example(64)
    path = agent.export_command(Export(to=to, out=tmp_path / "q"))
    given = torch.from_numpy(obs).to(agent.task.torch_dtype)
    if to == "onnx":
        session = pytest.importorskip("onnxruntime").InferenceSession(path)
        answers = session.run(None, {"inputs": given.numpy()})[0]
        facts = session.get_modelmeta().custom_metadata_map
        assert json.loads(facts["classes"]) == [str(n) for n in range(agent.task.actions)]
    else:
        answers = torch.export.load(path).module()(given).detach().numpy()
    with agent.ctx.compute.evaluating(), agent.averaged():
        expected = agent.q(obs - agent.task.first_state)
    assert np.abs(answers - expected).max() < 1e-4 * max(1.0, np.abs(expected).max())
