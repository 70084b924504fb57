"""Run some parts in a process of their own, and print a row for each: a crash of one is no crash of
the others, whatever the device does.

    python -m benchmarks.gpu.child '{"family": "dqn", "parts": ["train"], ...}'
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.gpu.rows import FAILED, LATE, OK, SKIPPED, Row

MOST = 600  # characters of a row's text

Result = tuple[str, dict[str, Any]]


def main(task: dict[str, Any]) -> None:
    began = time.perf_counter()
    try:
        for name, part, function in rates(task) if task["family"] == "rates" else family(task):
            tell(done(name, part, function, began))
            began = time.perf_counter()
    except Exception as error:  # before there was any part: of a plugin that does not load, say
        traceback.print_exc()
        text = f"failed: {type(error).__name__}: {error}"
        tell(Row(task["family"], task["parts"][0], FAILED, text, time.perf_counter() - began))


def family(task: dict[str, Any]) -> Iterator[tuple[str, str, Callable[[], Result]]]:
    """Yield the parts of a family, as they come to be done."""
    from benchmarks.gpu.family import PARTS, Family
    from lab.plugins import discover

    plugins = discover()
    folder = Path(task["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    spec = plugins.experiment(task["family"])
    with closing(Family(spec, plugins, task["device"], folder, task["deadline"])) as subject:
        if "resume" in task["parts"]:
            subject.start_victim()

        def part(name: str) -> Result:
            return PARTS[name](subject)

        for name in task["parts"]:
            yield spec.name, name, partial(part, name)


def rates(task: dict[str, Any]) -> Iterator[tuple[str, str, Callable[[], Result]]]:
    from benchmarks.gpu.rates import CONTESTS, measure

    def contest(name: str) -> Result:  # looked for when its turn comes: a wrong name is its row
        return measure(CONTESTS[name], task)

    for name in task["contests"]:
        yield name, "rates", partial(contest, name)


def done(name: str, part: str, function: Callable[[], Result], began: float) -> Row:
    """Do one part and return what came of it."""
    from benchmarks.gpu.family import Inapplicable, OutOfTime, Wrong

    status = OK
    metrics: Mapping[str, Any] = {}
    try:
        text, metrics = function()
    except Inapplicable as reason:
        status, text = SKIPPED, str(reason)
    except OutOfTime as reason:
        status, text = LATE, str(reason)
    except Wrong as wrong:
        status, text, metrics = FAILED, f"failed: {wrong}", wrong.figures
    except (Exception, SystemExit) as error:  # of a plugin, or of torch: it may fail in any way
        traceback.print_exc()
        status, text = FAILED, f"failed: {type(error).__name__}: {error}"
    text = " ".join(text.split())[:MOST]
    return Row(name, part, status, text, time.perf_counter() - began, metrics)


def tell(row: Row) -> None:
    print(row.as_line(), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
