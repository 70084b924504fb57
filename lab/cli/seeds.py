"""`--seeds N`: train a group of runs that differ by seed alone, several at a time."""

from __future__ import annotations

from typing import Any

from lab.cli import output
from lab.cli.closing import print_group
from lab.launch import Outcome, RunsFailed, RunsInterrupted, RunSpec, by_seed, run_many
from lab.plugins import Plugins

FAILED: dict[str, Any] = {"dir": None, "state": "failed", "summary": {}, "objective": None}


def run_seeds(
    spec: RunSpec,
    group: str,
    plugins: Plugins,
    seeds: int,
    jobs: int,
    *,
    as_json: bool,
    quiet: bool,
) -> int:
    """Train seeds `seed .. seed + seeds - 1`, each in a process of its own.

    Return 1 where any failed, and 128 + the signal where one came.
    """
    outcomes: list[Outcome] = []

    def ended(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if not quiet:
            output.say(_line(outcome))

    code = 0
    try:
        run_many(by_seed(spec, seeds, plugins), jobs=jobs, on_end=ended, plugins=plugins)
    except RunsFailed as error:  # its lines were printed as the runs ended
        code = error.exit_code
    except RunsInterrupted as error:
        code = 128 + error.signal
    results = [_as_json(outcome) for outcome in sorted(outcomes, key=lambda o: o.seed)]
    if as_json:
        output.print_json({"group": group, "runs": results})
    else:
        print_group(group, results)
    return code


def _as_json(outcome: Outcome) -> dict[str, Any]:
    result = output.result_json(outcome.result) if outcome.result else FAILED
    error = {"error": outcome.error} if outcome.error else {}
    return {**result, "seed": outcome.seed, **error}


def _line(outcome: Outcome) -> str:
    result = _as_json(outcome)
    problem = f"  {outcome.error}" if outcome.error else ""
    return f"seed {outcome.seed}: {result['state']}  {output.number(result['objective'])}{problem}"
