"""What the page can ask: functions by name, which take and return plain data.

The page asks them of a server on this machine, or of the same Python in the browser.
No call remembers anything: the page holds its state, and sends what a call needs.
"""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

from viz.play import desk, lab, lab_files, words

CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    **desk.CALLS,
    **lab.CALLS,
    **lab_files.CALLS,
    **words.CALLS,
}
"""Every call by its name, such as `expression.graph`."""


def call(name: str, arguments: Mapping[str, Any]) -> Any:
    """The answer to a call, as data that JSON can hold.

    Raises ValueError for an unknown name, and whatever the call itself raises.

    >>> call("expression.examples", {})[0]["text"]
    'tanh(w1*x1 + w2*x2 + b)'
    """
    if name not in CALLS:
        raise ValueError(f"there is no call {name!r}; there are {', '.join(CALLS)}")
    return CALLS[name](**arguments)


def answer(name: str, body: bytes | str) -> tuple[int, Any]:
    """What a call comes to, and the HTTP status that says whether it is an answer.

    A fault of ours is told on the page too, and its traceback in the terminal.
    """
    try:
        given = json.loads(body, parse_float=_finite, parse_constant=_finite)
        return 200, call(name, given)
    except (ValueError, ArithmeticError, TimeoutError) as error:
        return 400, {"error": str(error)}
    except Exception as error:
        traceback.print_exc()
        return 500, {"error": f"{type(error).__name__}: {error}"}


def _finite(text: str) -> float:
    """A number that a page can hold, and be sent."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.20} is no number that has a place on the page")
    return number


def told(name: str, body: bytes | str) -> str:
    """The same as JSON, which is what a page gets.

    >>> told("expression.nothing", "{}")[:30]
    '{"status": 400, "data": {"erro'
    """
    status, data = answer(name, body)
    return json.dumps({"status": status, "data": data}, allow_nan=False)
