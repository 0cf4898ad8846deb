"""Runs the matrix: `python -m tests.kill_points.matrix` prints it and writes `benchmarks/results/kill-points.md`.

First every life is lived once with a worker that writes down its steps. Each step, in the first life that has it, is
a row; the worker dies at each of its points in a life of its own, and is started again. What becomes of that life
must be word for word what became of the first, and the auditor finds nothing.
"""

import argparse
import asyncio
import itertools
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.machine import about
from sandbox.stack import ALL, Stack, StackOptions
from tests.faults.shop import open_shop
from tests.flow.kit import KEY, Shop, until
from tests.kill_points.lives import BY_THE_CLOCK, LIVES, Living

OPTIONS = StackOptions(env={"MILEPOST_SEED_API_KEY": KEY}, processes=ALL - {"worker"})
SCHEDULED = (
    "Sweeper ",
    "Housekeeping ",
    "Reconciliation ",
    "reconciliation.",
    "sweeper.",
    "access.forget",
    "drops.find",
)
"""Steps that schedules take at any time; here they belong to the life that takes them on purpose."""
DIES_WITHIN_SECONDS = 1.0
POINTS = ("before", "between", "after")
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "kill-points.md"


class Mortal:
    """The worker's process, started and looked after here; `deaths` counts how often it was found dead."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack, self._folder, self._child = stack, folder, None
        self.deaths = 0

    _child: "subprocess.Popen[bytes] | None"

    def start(self, **doom: str) -> None:
        """With what it is to die of, or nothing."""
        env = self._stack.environment() | {"WORKER_HEALTH_PORT": "0"} | doom
        with (self._folder / "worker.log").open("ab") as log:
            command = (sys.executable, "-m", "tests.kill_points.mortal")
            self._child = subprocess.Popen(command, env=env, stdout=log, stderr=log)

    def end(self) -> None:
        """Whether it lives or not."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    async def watch(self) -> None:
        """Started again, with nothing to die of, as soon as it has died. Until cancelled."""
        while True:
            if self._child is not None and self._child.poll() is not None:
                self.deaths += 1
                self.start()
            await asyncio.sleep(0.05)


@dataclass
class Cell:
    """A step, a point, and the life in which the worker dies there. `wrong` is empty when all went well."""

    step: str
    point: str
    life: str
    seconds: float = 0.0
    wrong: str = ""


@dataclass
class Matrix:
    """What was seen. `expected` is by life: what becomes of it when nobody dies."""

    expected: dict[str, str] = field(default_factory=dict)
    steps: dict[str, str] = field(default_factory=dict)
    """Step → the first life that takes it."""
    cells: list[Cell] = field(default_factory=list)

    def planned(self) -> list[Cell]:
        """A step of a workflow has the one point."""
        return [
            Cell(step, point, life)
            for step, life in self.steps.items()
            for point in (POINTS if " " not in step else POINTS[:1])
        ]

    def markdown(self) -> str:
        """A row a step."""
        found = {(cell.step, cell.point): cell for cell in self.cells}
        lines = ["| step | in the life of | before | between | after |", "|---|---|---|---|---|"]
        for step, life in self.steps.items():
            told = [_told(found.get((step, point))) for point in POINTS]
            lines.append(f"| `{step}` | {life} | {' | '.join(told)} |")
        return "\n".join(lines)


def _told(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    return f"WRONG: {cell.wrong}" if cell.wrong else "✓"


async def trace(shop: Shop, mortal: Mortal, folder: Path) -> Matrix:
    """Every life once, undisturbed, one after the other."""
    matrix, steps, read = Matrix(), folder / "trace", 0
    steps.touch()
    mortal.start(KILL_TRACE=str(steps))
    try:
        for name, life in LIVES.items():
            matrix.expected[name] = await life(Living(shop, uuid.uuid4().hex))
            taken = steps.read_text().splitlines()
            for step in taken[read:]:
                if name == BY_THE_CLOCK or not step.startswith(SCHEDULED):
                    matrix.steps.setdefault(step, name)
            read = len(taken)
    finally:
        mortal.end()
    return matrix


async def strike(shop: Shop, mortal: Mortal, folder: Path, cell: Cell, expected: str) -> None:
    """One cell: the life with a worker that dies in it."""
    began = time.monotonic()
    mark = folder / uuid.uuid4().hex
    mortal.deaths = 0
    mortal.start(KILL_POINT=f"{cell.step}/{cell.point}", KILL_MARK=str(mark))
    watching = asyncio.create_task(mortal.watch())
    try:
        became = await LIVES[cell.life](Living(shop, uuid.uuid4().hex))
        if cell.point == "after":  # the last step of a life may be over before its death comes
            await asyncio.sleep(DIES_WITHIN_SECONDS)
        if not mark.exists():
            cell.wrong = "nobody died"
        elif became != expected:
            cell.wrong = f"became {became!r}, not {expected!r}"
        else:
            await until(shop.audit, lambda findings: not findings, within=30)
    except Exception as error:  # one cell's trouble is that cell's
        cell.wrong = f"{type(error).__name__}: {error}"
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        mortal.end()
        cell.seconds = time.monotonic() - began


async def run(stack: Stack, choose: Callable[[Cell], bool], tell: Callable[[Sequence[Cell], Cell], None]) -> Matrix:
    """The whole matrix, or the chosen cells of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mortal = Mortal(stack, folder)
        async with open_shop(stack) as shop:
            matrix = await trace(shop, mortal, folder)
            planned = [cell for cell in matrix.planned() if choose(cell)]
            for cell in planned:
                tell(planned, cell)
                await strike(shop, mortal, folder, cell, matrix.expected[cell.life])
                matrix.cells.append(cell)
            await until(shop.audit, lambda findings: not findings, within=60)
    return matrix


def main() -> int:
    """Boot, strike, show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="steps whose names contain one of these, a,b")
    parser.add_argument("--shard", default="1/1", help="every n-th cell from the k-th on: k/n")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    asked = parser.parse_args()
    console, machine = Console(), about()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Stack(OPTIONS) as stack, Progress(*columns, console=console) as progress:
        bar = progress.add_task("lives without a death", total=None)

        def tell(planned: Sequence[Cell], cell: Cell) -> None:
            progress.update(
                bar, total=len(planned), completed=planned.index(cell), description=f"{cell.step} {cell.point}"
            )

        first, of = (int(number) for number in asked.shard.split("/"))
        turn = itertools.count()

        def chosen(cell: Cell) -> bool:
            return any(name in cell.step for name in asked.only.split(",")) and next(turn) % of == first - 1

        matrix = asyncio.run(run(stack, chosen, tell))
    wrong = [cell for cell in matrix.cells if cell.wrong]
    text = matrix.markdown()
    console.print(text, markup=False, soft_wrap=True)
    took = sum(cell.seconds for cell in matrix.cells)
    console.print(f"\n{len(matrix.cells)} cells, {len(wrong)} wrong, {took:.0f} s")
    if asked.save:
        RESULTS.parent.mkdir(exist_ok=True)
        belongs = f"Commit {machine['commit']}, {machine['date']}, {machine['machine']}."
        told = f"{len(matrix.cells)} cells, {len(wrong)} wrong. {belongs}"
        RESULTS.write_text(f"# The kill-point matrix\n\n{told}\n\n{text}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
