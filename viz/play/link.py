"""The playground's state as the query of its address, and back.

Reading never fails: what is not understood is left as it is on a fresh page, so that a
link someone shortened or mistyped still opens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from viz.play.expression import EXAMPLES, Desk
from viz.play.training import MOST_EPOCHS, ROWS, Lab, Session, Setup

TABS: Final = ("An expression", "Training")
LONGEST: Final = 6000  # characters of an address that every browser and server takes


@dataclass
class Opened:
    """What a page starts with."""

    tab: str
    desk: Desk
    lab: Lab


def read(query: Mapping[str, Any]) -> Opened:
    """The state that a query states.

    >>> read({"expression": "w*x", "values": "w:2,x:3"}).desk.shown.output.data
    6.0
    """
    texts = {key: v[-1] if isinstance(v, list) and v else v for key, v in query.items()}
    known = {key: text for key, text in texts.items() if isinstance(text, str)}
    tab = TABS[1] if known.get("tab") == "training" else TABS[0]
    return Opened(tab, _desk(known), _lab(known))


def write(tab: str, desk: Desk, lab: Lab) -> dict[str, str]:
    """The query that states what is on the screen.

    >>> opened = read({"expression": "w*x", "values": "w:2,x:3"})
    >>> write(opened.tab, opened.desk, opened.lab)["values"]
    'w:2.0,x:3.0'
    """
    query = _training(lab) if tab == TABS[1] else _expression(desk)
    return query if sum(map(len, query.values())) <= LONGEST else {}


# ---- the first tab -------------------------------------------------------------------


def _expression(desk: Desk) -> dict[str, str]:
    values = ",".join(f"{name}:{desk.number(name)!r}" for name in desk.names)
    query = {"expression": desk.shown.text, "values": values, "by": desk.wrt}
    query["reach"] = f"{desk.reach:g}"
    if desk.step is not None:
        query["step"] = str(desk.step)
    return query


def _desk(query: Mapping[str, str]) -> Desk:
    text, numbers = EXAMPLES["a neuron"]
    numbers = {**numbers, **dict(_values(query.get("values", "")))}
    desk = Desk(query.get("expression", text), numbers, query.get("by", ""))
    reach = _number(query.get("reach", ""))
    if reach is not None and 0 < reach <= 1e6:
        desk.reach = reach
    desk.step = _whole(query.get("step", ""), 100_000)
    return desk


def _values(text: str) -> Iterator[tuple[str, float]]:
    for part in text.split(","):
        name, _, number = part.partition(":")
        found = _number(number)
        if name and found is not None:
            yield name, found


# ---- the second tab ------------------------------------------------------------------


def _training(lab: Lab) -> dict[str, str]:
    setup = lab.session.setup
    return {
        "tab": "training",
        "data": setup.data,
        "layers": "-".join(map(str, setup.layers)),
        "activation": setup.activation,
        "optimizer": setup.optimizer,
        "lr": f"{setup.lr!r}",
        "seed": str(setup.seed),
        "epochs": str(lab.session.epoch),
        "row": str(lab.row),
    }


def _lab(query: Mapping[str, str]) -> Lab:
    setup = Setup()
    for key, read in _READ.items():
        with suppress(ValueError, KeyError):  # what is wrong keeps its first value
            setup = setup.but(**{key: read(query[key])})
    goal = _whole(query.get("epochs", ""), MOST_EPOCHS) or 0
    row = _whole(query.get("row", ""), ROWS - 1) or 0
    return Lab(Session(setup), playing=goal > 0, goal=goal or None, row=row)


_READ: Final[Mapping[str, Any]] = {
    "data": str,
    "layers": lambda text: text.replace("-", " "),
    "activation": str,
    "optimizer": str,
    "lr": float,
    "seed": int,
}


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(text: str, most: int) -> int | None:
    return (
        int(text) if text.isdecimal() and len(text) < 9 and int(text) <= most else None
    )
