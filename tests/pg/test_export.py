"""Exported policies answer, in other software, as the runs that they come from."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import lab
from lab.capabilities import Export

SHORT: dict[str, Any] = {
    "preset": "none", "hidden": (8,), "n_envs": 2, "n_steps": 32, "budget": 256, "eval_every": 256,
    "eval_episodes": 2, "test_episodes": 2, "lr": 0.01,
}  # fmt: skip
CASES: dict[str, dict[str, Any]] = {
    "standardized": {"env": "CartPole-v1", "normalize_obs": True, "ema": 0.9},
    "continuous": {"env": "Pendulum-v1", "normalize_obs": True, "log_std_init": 1.0},
    "numbered states": {"env": "Taxi-v4"},
    "counted from 7": {
        "env": "worlds:worlds/Street-v0", "env_args": {"houses": 4, "start": 7},
        "max_episode_steps": 20,
    },
    "pictures": {"env": "lab/Catch-v0"},
}  # fmt: skip


@pytest.fixture(scope="module")
def agents(tmp_path_factory) -> Any:
    folder, made = tmp_path_factory.mktemp("runs"), dict[str, Any]()

    def agent(case: str) -> Any:
        if case not in made:
            fixed = {"runs_dir": folder, "wandb": "disabled", "media": False}
            made[case] = lab.load(lab.run("pg", **fixed, **SHORT, **CASES[case]).dir)
        return made[case]

    return agent


def onnx(path: Any) -> Any:
    session = pytest.importorskip("onnxruntime").InferenceSession(path)
    return session, lambda obs: session.run(None, {"inputs": obs})[0]


@pytest.mark.parametrize(
    ("case", "to"),
    [*((case, "torchexport") for case in CASES), ("continuous", "onnx"), ("pictures", "onnx")],
)
def test_what_is_exported_acts_as_the_run_does(agents, tmp_path, case, to) -> None:
    agent = agents(case)
    obs = agent.example(64)
    path = agent.export_command(Export(to=to, out=tmp_path / "policy"))
    given = np.asarray(obs, agent.task.stored)
    if to == "onnx":
        answers = onnx(path)[1](given)
    else:
        answers = torch.export.load(path).module()(torch.from_numpy(given)).detach().numpy()
    if agent.task.choices:
        assert np.allclose(answers.sum(1), 1, atol=1e-6)
        assert (answers.argmax(1) + agent.task.first_action == agent.predict(obs)).all()
    else:
        assert np.allclose(answers, agent.predict(obs), atol=1e-5)


def test_the_probabilities_are_those_of_the_network_itself(agents, tmp_path) -> None:
    """Written out: float64 statistics, two matrices and a tanh between."""
    agent = agents("standardized")
    obs = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    path = agent.export_command(Export(to="onnx", out=tmp_path / "policy.onnx"))
    session, answer = onnx(path)
    seen = agent.policy.seen
    x = np.clip((obs - seen.mean) / np.sqrt(seen.variance + 1e-8), -10, 10)
    layers = [layer for layer in agent.network.actor if isinstance(layer, nn.Linear)]
    with agent.updater.averaged():
        (w, b), (u, c) = [
            (layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy())
            for layer in layers
        ]
    odds = np.exp(np.tanh(x @ w.T + b) @ u.T + c)
    assert np.allclose(answer(obs), odds / odds.sum(1, keepdims=True), atol=1e-5)
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == ["0", "1"]
    assert json.loads(facts["inputs"]) == {"shape": ["batch", 4], "dtype": "float32"}
    assert np.allclose(json.loads(facts["preparation"])["mean"], seen.mean)
    assert not (tmp_path / "serve.py").exists()  # it reads files, which observations are not


def test_continuous_actions_stay_within_the_bounds(agents, tmp_path, monkeypatch) -> None:
    agent = agents("continuous")
    last = agent.network.actor[-1]
    monkeypatch.setattr(last, "bias", nn.Parameter(torch.full_like(last.bias, 100.0)))
    path = agent.export_command(Export(to="torchexport", out=tmp_path / "policy.pt2"))
    assert torch.export.load(path).module()(torch.zeros(5, 3)).tolist() == 5 * [[2.0]]
