"""The command `chainrule`, where everything meets.

Each verb is one function: it reads what the user typed, calls the library, and prints
where the results are. What goes wrong is one line on stderr and exit status 1, never
a traceback: see `main`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:
    import typer

MISSING = (
    "chainrule's commands need typer and rich; install them with: "
    "python -m pip install 'chainrule[train]'"
)


def main() -> None:
    """Run the command; a mistake of the user's is one line and exit status 1."""
    try:
        app = _app()
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.exit(MISSING)
    app()


def _app() -> typer.Typer:
    import typer

    app = typer.Typer(
        help="Record a computation, differentiate it, see every gradient.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    return app
