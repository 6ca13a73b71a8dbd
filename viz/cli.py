"""The command `chainrule`, where everything meets.

Each verb is one function: it reads what the user typed, calls the library, and prints
where the results are. What goes wrong is one line on stderr and exit status 1, never
a traceback: see `main`.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable

try:
    import typer
except ModuleNotFoundError:
    sys.exit(
        "chainrule's commands need typer and rich; install them with: "
        "python -m pip install 'chainrule[train]'"
    )

from autograd import Value, expression

app = typer.Typer(
    help="Record a computation, differentiate it, see every gradient.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command; what goes wrong is one line on stderr and exit status 1.

    With CHAINRULE_DEBUG=1 in the environment the traceback is shown as well.
    """
    try:
        app()
    except Exception as error:
        if os.environ.get("CHAINRULE_DEBUG") == "1":
            raise
        message = str(error) or type(error).__name__
        sys.exit(f"chainrule: {message}")


@app.callback()
def _verbs() -> None:
    """Keep the verbs subcommands, also while there is only one."""


def _expression(
    text: str, assignments: Iterable[str]
) -> tuple[Value, dict[str, Value]]:
    """The expression a user typed and its leaves by name, from `w=0.5`, `x=2`, ...

    The leaves come in the order in which their names appear in the text. Raises
    ValueError where an assignment is malformed, comes twice, or names nothing there.
    """
    given: dict[str, float] = {}
    for assignment in assignments:
        name, number = _assignment(assignment)
        if name in given:
            raise ValueError(f"{name} is given twice; give one value for each name")
        given[name] = number
    used = [name for name in expression.names(text) if name in given]
    used += [name for name in expression.CONSTANTS if name in given]
    for name in given:
        if name not in used:
            raise ValueError(f"{name} is given, but the expression has no {name}")
    leaves = {name: Value(given[name], label=name) for name in used}
    return expression.parse(text, **leaves), leaves


def _assignment(text: str) -> tuple[str, float]:
    """The name and the number of `w=0.5`; the number may be one like pi/2."""
    name, equals, number = (part.strip() for part in text.partition("="))
    if not equals or not name.isidentifier():
        raise ValueError(f"{text!r} is not of the form name=value, such as w=0.5")
    try:
        return unicodedata.normalize("NFKC", name), _number(number)
    except ValueError:
        raise ValueError(
            f"{text!r}: {number!r} is not a number; write for instance {name}=0.5"
        ) from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return expression.parse(text).data
