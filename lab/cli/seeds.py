"""`--seeds N`: train a group of runs that differ by seed alone, several at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.cli import output
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
    _print(group, sorted(outcomes, key=lambda outcome: outcome.seed), as_json)
    return code


def _as_json(outcome: Outcome) -> dict[str, Any]:
    result = output.result_json(outcome.result) if outcome.result else FAILED
    error = {"error": outcome.error} if outcome.error else {}
    return {**result, "seed": outcome.seed, **error}


def _line(outcome: Outcome) -> str:
    result = _as_json(outcome)
    problem = f"  {outcome.error}" if outcome.error else ""
    return f"seed {outcome.seed}: {result['state']}  {output.number(result['objective'])}{problem}"


def _print(group: str, outcomes: Sequence[Outcome], as_json: bool) -> None:
    results = [_as_json(outcome) for outcome in outcomes]
    if as_json:
        output.print_json({"group": group, "runs": results})
        return
    names = sorted({name for result in results for name in result["summary"].get("test", {})})
    output.print_table(
        ["seed", "state", "best", *names, "folder"],
        [
            [
                str(result["seed"]),
                result["state"],
                output.number(result["objective"]),
                *(output.number(result["summary"].get("test", {}).get(name)) for name in names),
                result["dir"] or "-",
            ]
            for result in results
        ],
    )
    finished = sum(result["state"] == "finished" for result in results)
    output.say(f"group {group}: {finished} of {len(results)} finished")
