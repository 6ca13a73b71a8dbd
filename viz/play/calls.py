"""What the page can ask: functions by name, which take and return plain data.

The page asks them of a server on this machine, or of the same Python in the browser.
No call remembers anything: the page holds its state, and sends what a call needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from viz.play import desk, lab, lab_files

CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    **desk.CALLS,
    **lab.CALLS,
    **lab_files.CALLS,
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
