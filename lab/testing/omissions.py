"""Check that each part of a checkpoint matters: what is lost must be noticed.

A restore is broken on purpose, part by part. Each part of the state must change how a resumed run
goes on if it is missing: otherwise the part is not needed, or is not restored.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lab.testing.compare import difference
from lab.testing.moments import Moment, go_back, keep
from lab.testing.subject import Subject, Unusable, expect

LOST_AT = 0.2  # fraction of the budget after which a part is lost
STEPS = 3  # afterwards, until the loss must have shown
MOST = 24  # parts that are tried
RUNNERS = ("envs", "window", "rng")
Path = tuple[str, ...]


def check_every_part_of_the_state_is_needed(subject: Subject) -> None:
    """Without any one part of its checkpoint a resumed run goes on otherwise."""
    with subject.experiment() as (experiment, ctx):
        begun = keep(experiment, ctx)
        subject.train_for(experiment, ctx, LOST_AT)
        moment = keep(experiment, ctx)
        expected = list(_after_each_step(subject, experiment, ctx))
    for path in _parts(moment.state, begun.state)[:MOST]:
        lost = replace(moment, state=_without(moment.state, begun.state, path))
        expect(
            _is_noticed(subject, lost, expected),
            f"The state holds {'/'.join(path)!r}, which nothing needs: a run that is resumed "
            f"without it goes on alike for {STEPS} steps. Leave it out of state_dict, or restore "
            "it in load_state_dict.",
        )
    for name in RUNNERS:
        before, after = getattr(begun, name), getattr(moment, name)
        if _is_same(before, after) or _is_same(after, getattr(expected[-1], name)):
            continue  # nothing of it was used
        expect(
            _is_noticed(subject, replace(moment, **{name: before}), expected),
            f"A run that is resumed without the {name} that the runner keeps goes on alike for "
            f"{STEPS} steps: load_state_dict puts something else in their place.",
        )


def _after_each_step(subject: Subject, experiment: Any, ctx: Any) -> Iterator[Moment]:
    """Yield the state after one step, two, ..."""
    for _ in range(STEPS):
        ctx.clock += subject.step(experiment)
        yield keep(experiment, ctx)


def _is_noticed(subject: Subject, lost: Moment, expected: list[Moment]) -> bool:
    """Tell whether a resumed run differs from what is expected; where it cannot be resumed at all,
    it does."""
    with subject.experiment(facts=copy.deepcopy(dict(lost.facts))) as (experiment, ctx):
        try:
            go_back(lost, experiment, ctx)
            steps = zip(_after_each_step(subject, experiment, ctx), expected, strict=True)
            return any(not _alike(moment, reference) for moment, reference in steps)
        except Unusable:
            raise
        except Exception:  # of the plugin: it may miss the part in any way
            return True


def _alike(a: Moment, b: Moment) -> bool:
    """Tell whether two moments are equal in weights, state and logged metrics."""
    return _is_same(a.state, b.state) and _is_same(a.window, b.window)


def _is_same(a: Any, b: Any) -> bool:
    return difference(a, b) is None


def _parts(now: Mapping[str, Any], begun: Mapping[str, Any]) -> list[Path]:
    """Return the named parts that are no longer what they began as; of those that have named parts
    of their own, these."""
    paths: list[Path] = []
    for name, value in now.items():
        inner = _inner(name, value)
        if not inner:
            paths += [(name,)] if _became(begun.get(name), value) else []
            continue
        before = begun.get(name)
        initial = before if isinstance(before, Mapping) else {}
        paths += [(name, key) for key in inner if _became(initial.get(key), value[key])]
    return paths


def _became(before: Any, now: Any) -> bool:
    """Tell whether a part is another one than at the start; what is empty is as good as none."""
    return not (_is_same(before, now) or (_is_empty(before) and _is_empty(now)))


def _is_empty(value: Any) -> bool:
    import torch

    if isinstance(value, torch.Tensor):
        return value.numel() == 0
    parts = value.values() if isinstance(value, Mapping) else value
    return value is None or (
        isinstance(value, Mapping | list | tuple) and all(map(_is_empty, parts))
    )


def _inner(name: str, value: Any) -> list[str]:
    """Return the names within a part; none of networks and optimizers, whose parts are torch's."""
    if not isinstance(value, Mapping) or name == "model" or "param_groups" in value:
        return []
    import torch

    tensors = all(isinstance(item, torch.Tensor) for item in value.values())
    named = all(isinstance(key, str) for key in value)
    return list(value) if named and not tensors else []


def _without(now: Mapping[str, Any], begun: Any, path: Path) -> dict[str, Any]:
    """Return a state with one part as it began, or without it where there was none."""
    name, *rest = path
    state = dict(now)
    has_initial = isinstance(begun, Mapping) and name in begun
    if rest:
        state[name] = _without(now[name], begun[name] if has_initial else None, tuple(rest))
    elif has_initial:
        state[name] = begun[name]
    else:
        del state[name]
    return state
