"""Measures Python programs on Millstream beside the same ones on PySpark and PyFlink; prints one table.

Run by `cargo xtask bench-python`, which makes the environments and names them in `MILLSTREAM_FLINK_CLIENT` and
`MILLSTREAM_SPARK_CLIENT`: interpreters that have Millstream and the client side by side.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from pathlib import Path
from typing import Dict, List

import workloads
from workloads import Goal, Setup, Workload

ROW = "{:<58}{:<22}{:>12}  {:>7}  {:<28}{}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true", help="small inputs, one run: shows that all agree")
    names = ", ".join(workloads.WORKLOADS)
    parser.add_argument("--only", type=chosen, default=chosen(""), help=f"these, with commas between: {names}")
    parser.add_argument("--runs", type=int, default=3, help="runs of each contender, of which the median is shown")
    parser.add_argument("--inputs", type=Path, required=True, help="where inputs are written and kept")
    given = parser.parse_args()
    given.inputs.mkdir(parents=True, exist_ok=True)
    setup = Setup(
        os.environ["MILLSTREAM_FLINK_CLIENT"], os.environ["MILLSTREAM_SPARK_CLIENT"], given.inputs, given.short
    )
    runs = 1 if given.short else given.runs
    print(ROW.format("work", "contender", "figure", "ratio", "goal", "reached"), flush=True)
    agree = True
    for name in given.only:
        agree = measured(workloads.WORKLOADS[name](setup), runs) and agree
    return 0 if agree else 1


def chosen(names: str) -> List[str]:
    """The names of workloads that were asked for; all if none were."""
    found = [name.strip() for name in names.split(",") if name.strip()] or list(workloads.WORKLOADS)
    for name in found:
        if name not in workloads.WORKLOADS:
            raise argparse.ArgumentTypeError(f"there is no workload {name!r}; there are {', '.join(workloads.WORKLOADS)}")
    return found


def measured(workload: Workload, runs: int) -> bool:
    """Runs the contenders in turns and prints their rows; whether they found the same."""
    figures: Dict[str, List[Dict[str, float]]] = {contender.name: [] for contender in workload.contenders}
    found: Dict[str, object] = {}
    for run in range(1, runs + 1):
        for contender in workload.contenders:
            figure, result = contender.run()
            figures[contender.name].append(figure)
            shown = ", ".join(f"{number:.3f} {label}" for label, number in figure.items())
            print(f"run {run} of {runs}: {workload.name}: {contender.name}: {shown}", file=sys.stderr, flush=True)
            if found.setdefault("all", result) != result:
                print(f"{workload.name}: {contender.name} found something else: {str(result)[:500]}", file=sys.stderr)
                print(f"the first found: {str(found['all'])[:500]}", file=sys.stderr)
                return False
    medians = {
        name: {label: statistics.median(run[label] for run in measured) for label in measured[0]}
        for name, measured in figures.items()
    }
    for contender in workload.contenders:
        for label, figure in medians[contender.name].items():
            for goal in contender.goals.get(label) or [None]:
                print(row(workload.name, contender.name, label, figure, goal, medians), flush=True)
    return True


def row(work: str, name: str, label: str, figure: float, goal: "Goal | None", medians: "Dict[str, Dict[str, float]]") -> str:
    shown = f"{figure:.3f} {label}"
    if goal is None:
        return ROW.format(work, name, shown, "", "", "").rstrip()
    base = medians[goal.against][label] if goal.against else goal.limit
    ratio = figure / base
    limit = goal.limit if goal.against else 1.0
    said = f"<= {goal.limit:.2f} x {goal.against}" if goal.against else f"<= {goal.limit:g} {label}"
    return ROW.format(work, name, shown, f"{ratio:.2f}", said, "yes" if ratio <= limit else "no")


if __name__ == "__main__":
    sys.exit(main())
