"""Save and restore everything that an algorithm's loop keeps between two rollouts."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

import lab
from lab_sb3 import normalization, replay

# Plain attributes that its loop carries from one rollout to the next.
COUNTERS = (
    "num_timesteps",
    "_total_timesteps",
    "_episode_num",
    "_n_updates",
    "_n_calls",
    "exploration_rate",
)


def policy_state(model: Any) -> dict[str, Any]:
    """Return what acting takes: the networks, and what observations are standardized by."""
    parameters = model.get_parameters()["policy"]
    return {"network": parameters, "observations": normalization.observations(model)}


def load_policy_state(model: Any, state: Mapping[str, Any]) -> None:
    model.policy.load_state_dict(state["network"])
    normalization.load_observations(model, state["observations"])


def loop_state(model: Any) -> dict[str, Any]:
    """Return what learning takes besides."""
    parameters = model.get_parameters()
    del parameters["policy"]
    state = {
        "parameters": parameters,
        "counters": {name: getattr(model, name) for name in COUNTERS if hasattr(model, name)},
        "variables": {name: getattr(model, name).detach() for name in _variables(model)},
        "actions": lab.to_plain(model.action_space.np_random.bit_generator.state),
    }
    if getattr(model, "replay_buffer", None) is not None:
        state["replay"] = replay.state_dict(model.replay_buffer)
    if model.get_vec_normalize_env() is not None:
        state["returns"] = normalization.returns(model.get_vec_normalize_env())
    if hasattr(model, "_last_lstm_states"):
        state["lstm"] = _lstm_state(model)
    return state


def load_loop_state(model: Any, state: Mapping[str, Any], *, restarted: bool) -> None:
    """Return to the saved moment. restarted: the episodes have begun anew."""
    parameters = copy.deepcopy(dict(state["parameters"]))  # an optimizer keeps what it gets
    model.set_parameters({**parameters, "policy": model.policy.state_dict()})
    for name, value in state["counters"].items():
        setattr(model, name, value)
    for name, value in state["variables"].items():
        getattr(model, name).data.copy_(value)
    model.action_space.np_random.bit_generator.state = lab.from_plain(state["actions"])
    if "replay" in state:
        replay.load_state_dict(model.replay_buffer, state["replay"])
    if "returns" in state:
        normalize = model.get_vec_normalize_env()
        normalization.load_returns(normalize, state["returns"], restarted=restarted)
    if "lstm" in state:
        _load_lstm_state(model, state["lstm"], restarted)
    if hasattr(model, "weights"):  # of ARS: its policy's, as one vector
        model.weights = torch.nn.utils.parameters_to_vector(model.policy.parameters()).detach()


def _lstm_state(model: Any) -> dict[str, Any]:
    """Return hidden and cell states [layers, N, H] of actor and critic, and which of the N episodes
    have not begun; elsewhere what a rollout's first row says of that enters no return."""
    starts = getattr(model, "_last_episode_starts", None)
    return {
        "states": [part.clone() for pair in model._last_lstm_states for part in pair],
        "episode_starts": None if starts is None else np.asarray(starts).tolist(),
    }


def _load_lstm_state(model: Any, state: Mapping[str, Any], restarted: bool) -> None:
    actor_hidden, actor_cell, critic_hidden, critic_cell = (
        part.to(model.device).clone() for part in state["states"]
    )
    kind = type(model._last_lstm_states)
    model._last_lstm_states = kind((actor_hidden, actor_cell), (critic_hidden, critic_cell))
    starts = state["episode_starts"]
    if starts is not None:
        model._last_episode_starts = np.array(starts) | restarted


def _variables(model: Any) -> list[str]:
    """Names of tensors outside the networks: SAC's entropy coefficient."""
    _, names = model._get_torch_save_params()
    return [name for name in names if isinstance(getattr(model, name), torch.Tensor)]
