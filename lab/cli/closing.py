"""Say at the end of a run what it came to, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.cli import output
from lab.cli.output import number
from lab.messages import duration

if TYPE_CHECKING:
    from lab.engine.session import RunResult

NEXT: Mapping[str, str] = {  # by capability, the likeliest first; RUN is the run's folder
    "play": "lab play RUN",
    "sample": "lab sample RUN",
    "predict": "lab predict RUN INPUT...",
}
PURPOSE = {"play": "see it act", "sample": "see what it makes", "predict": "ask it"}


def print_result(result: RunResult) -> None:
    """Print what a run came to: the objective first, test figures with their intervals, and which
    weights these are of."""
    summary = result.summary
    objective, clock = summary["objective"], summary["clock"]
    pairs = {"state": result.state + (f" ({summary['ended']})" if summary["ended"] else "")}
    if objective["best"] is not None:
        best = f"{number(objective['best'])} at {objective['best_clock']:,} {clock['name']}"
        pairs[objective["metric"]] = f"{best}, last {number(objective['last'])}"
    pairs |= figures(summary["test"], objective["metric"])
    ended = min(clock["value"], clock.get("budget") or clock["value"])
    if summary["test"] and (objective["best_clock"] or ended) < ended:
        at = f"{objective['best_clock']:,} {clock['name']}"
        pairs["tested"] = f"best.pt, the weights at {at}; last.pt went on, and may be worse"
    pairs[clock["name"]] = f"{clock['value']:,} in {duration(summary['seconds'])}"
    pairs["folder"] = str(result.dir)
    if (picture := _picture(result.dir)) is not None:
        pairs["picture"] = str(picture)
    output.print_pairs(pairs)


def figures(test: Mapping[str, float], objective: str) -> dict[str, str]:
    """Return test metrics as text, each with its interval; that of the objective comes first."""
    first = objective.replace("eval/", "test/", 1)
    names = sorted(
        (name for name in test if not name.endswith(("_low", "_high"))),
        key=lambda name: name != first,
    )
    texts = {}
    for name in names:
        ends = test.get(f"{name}_low"), test.get(f"{name}_high")
        interval = "" if None in ends else f" [{number(ends[0])}, {number(ends[1])}]"
        texts[name] = f"{number(test[name])}{interval}"
    return texts


def _picture(folder: Path) -> Path | None:
    """Return the newest learning curve."""
    return max((folder / "media").glob("*-learning_curve.png"), default=None)


def next_commands(result: RunResult, capabilities: Sequence[str]) -> str:
    """Return a line on what can be done with a finished run."""
    folder = shlex.quote(str(result.dir))
    offered = [
        f"{command.replace('RUN', folder)} ({PURPOSE[name]})"
        for name, command in NEXT.items()
        if name in capabilities
    ]
    return f"Next: {', '.join([*offered[:2], 'lab compare (see it beside others)'])}"


def print_group(group: str, results: Sequence[Mapping[str, Any]]) -> None:
    """Print the runs of a group, a row for each seed, the objective first and as much of the rest
    as 120 columns hold; then its mean over seeds."""
    first: Mapping[str, Any] = next((r["summary"] for r in results if r["summary"]), {})
    objective = first.get("objective", {})
    metric = str(objective.get("metric", "objective"))
    tests = [figures(result["summary"].get("test", {}), metric) for result in results]
    columns = {
        "seed": [str(result["seed"]) for result in results],
        "state": [result["state"] for result in results],
        f"best {metric}": [number(result["objective"]) for result in results],
    }
    run = [Path(result["dir"]).name if result["dir"] else "-" for result in results]
    for name in dict.fromkeys(name for test in tests for name in test):
        wider = {**columns, name: [test.get(name, "-") for test in tests]}
        if output.width_of({**wider, "run": run}) <= output.WIDTH:
            columns = wider
    columns["run"] = run
    output.print_table(list(columns), zip(*columns.values(), strict=True))
    _say_mean(metric.replace("eval/", "test/", 1), results)
    finished = sum(result["state"] == "finished" for result in results)
    output.say(f"group {group}: {finished} of {len(results)} finished")
    if finished:
        output.say(f"Next: lab compare --group {shlex.quote(group)}, lab ui (curves)")


def _say_mean(metric: str, results: Sequence[Mapping[str, Any]]) -> None:
    from lab.comparison.statistics import summarize

    tests = [r["summary"].get("test", {}) for r in results if r["state"] == "finished"]
    values = [test[metric] for test in tests if metric in test]
    if len(values) < 2:
        return
    center, ends = summarize(values)
    interval = f" [{number(ends[0])}, {number(ends[1])}]" if ends else ", the same in all"
    output.say(f"{metric}: mean {number(center)}{interval}, over {len(values)} seeds")
