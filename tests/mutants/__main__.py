"""Measure what the tests notice: plant known faults, one at a time, and count the noticed ones.

python -m tests.mutants                      all of them, going on where the last call stopped
python -m tests.mutants --family dqn gan     those of some families
python -m tests.mutants --only ID ID --fresh again, whatever the last results
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from . import score
from .listing import (
    HERE,
    KILLERS,
    Mutant,
    known_killers,
    known_survivors,
    load,
    write_killers,
)
from .runner import (
    Broken,
    Laboratory,
    Result,
    append_result,
    is_done,
    killers_of,
    read_results,
)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--only", nargs="+", metavar="ID", help="these faults alone")
    add("--family", nargs="+", metavar="NAME", help="the faults of these lists alone")
    add("--jobs", type=int, default=1, help="faults examined at once [1]")
    add("--seed", type=int, default=0, help="decides the order [0]")
    add("--no-check", action="store_true", help="leave `lab check` out")
    add("--fresh", action="store_true", help="forget what was found before")
    add("--trust", action="store_true", help="take how long tests take from older code, too")
    add(
        "--remember", action="store_true", help=f"write into {KILLERS.name} which test noticed what"
    )
    add("--list", action="store_true", help="print the faults and stop")
    add("--results", type=Path, default=HERE / "results", metavar="DIR", help="where they are kept")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Mutant]:
    """Return the selected faults. Raises SystemExit where there are none."""
    mutants = load()
    names = {mutant.id for mutant in mutants} | {mutant.family for mutant in mutants}
    unknown = set((options.only or []) + (options.family or [])) - names
    if unknown:
        sys.exit(f"There is no {', '.join(sorted(unknown))}; --list shows what there is.")
    if options.only:
        mutants = [mutant for mutant in mutants if mutant.id in options.only]
    if options.family:
        mutants = [mutant for mutant in mutants if mutant.family in options.family]
    return mutants


def tell(mutant: Mutant, result: Result, number: int, total: int) -> None:
    line = f"[{number}/{total}] {result.outcome:8} {mutant.id} ({result.seconds:.0f} s)"
    print(f"{line}  {result.by or mutant.fault}", flush=True)


def examine(mutants: list[Mutant], options: argparse.Namespace) -> dict[str, Result]:
    """Return the results of all, of which some may be there already."""
    options.results.mkdir(parents=True, exist_ok=True)
    path, check = options.results / "results.jsonl", not options.no_check
    results = {} if options.fresh else read_results(path)
    left = [mutant for mutant in mutants if not is_done(mutant, results, check)]
    random.Random(options.seed).shuffle(left)
    if not left:
        return results
    with tempfile.TemporaryDirectory(prefix="mutants-") as work:
        laboratory = Laboratory(
            Path(work).resolve(),
            options.jobs,
            options.results / "durations.json",
            options.trust,
            known_killers(),
        )
        laboratory.prove(left)
        left.sort(key=lambda mutant: mutant.id not in laboratory.killers)  # the quick ones first
        with ThreadPoolExecutor(options.jobs) as pool:
            futures = {pool.submit(laboratory.examine, mutant, check): mutant for mutant in left}
            try:
                for number, future in enumerate(as_completed(futures), start=1):
                    try:
                        result = results[futures[future].id] = future.result()
                    except Broken as error:
                        print(
                            f"[{number}/{len(left)}] {futures[future].id}: {error}", file=sys.stderr
                        )
                        continue
                    append_result(path, result)
                    tell(futures[future], result, number, len(left))
            except BaseException:
                laboratory.stop()
                pool.shutdown(cancel_futures=True)
                raise
    return results


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end what runs, as Ctrl-C does
    options = parsed()
    mutants = chosen(options)
    if options.list:
        for mutant in mutants:
            print(f"{mutant.id}  {mutant.fault}")
        return 0
    excuses = known_survivors()
    try:
        results = examine(mutants, options)
    except KeyboardInterrupt:
        print("Interrupted; the same call goes on from here.", file=sys.stderr)
        return 130
    if options.remember:
        write_killers(known_killers() | killers_of(results, mutants))
    unknown = [mutant.id for mutant in mutants if mutant.id not in results]
    mutants = [mutant for mutant in mutants if mutant.id in results]
    print(score.table(mutants, results))
    print(score.survivors(mutants, results, excuses))
    if unknown:
        print(f"Could not be examined: {', '.join(unknown)}", file=sys.stderr)
        return 2
    return 0 if score.is_good(mutants, results, excuses) else 1


if __name__ == "__main__":
    sys.exit(main())
