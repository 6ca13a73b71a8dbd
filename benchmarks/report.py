"""What the benchmarks print and write in the same way."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Target:
    """A figure to reach, and what this run reached."""

    measure: str
    limit: float
    reached: float
    unit: str
    at_most: bool = True

    def line(self) -> str:
        """One line of a Markdown table."""
        good = (
            self.reached <= self.limit if self.at_most else self.reached >= self.limit
        )
        reached = f"{self.reached:,.{2 if self.at_most else 1}f} {self.unit}"
        wanted = f"{self.limit:,} {self.unit}"
        return f"| {self.measure} | {wanted} | {reached} | {'yes' if good else 'no'} |"


def lines(targets: list[Target]) -> Iterator[str]:
    """The Markdown table of all of them."""
    yield "| measure | to reach | reached | |"
    yield "| --- | --- | --- | --- |"
    yield from (target.line() for target in targets)


def console(width: int) -> Any:
    """As wide as the terminal; of this width where there is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width)


def table(title: str, first: str, *columns: str) -> Any:
    """An empty table: names on the left, figures on the right."""
    from rich.table import Table

    made = Table(title=title)
    made.add_column(first)
    for column in columns:
        made.add_column(column, justify="right")
    return made


def write(results: dict[str, Any], figure: Any, folder: Path, name: str) -> None:
    """The figures as JSON, and as the plot."""
    folder.mkdir(parents=True, exist_ok=True)
    data, plot = folder / f"{name}.json", folder / f"{name}.svg"
    data.write_text(json.dumps(results, indent=1) + "\n")
    figure.savefig(plot, metadata={"Date": None})
    print(f"written: {data}, {plot}")
