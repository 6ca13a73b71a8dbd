"""The command `chainrule`, where everything meets.

Each verb is one function: it reads what the user typed, calls the library, and prints
where the results are. What goes wrong is one line on stderr and exit status 1, never
a traceback: see `main`.
"""

from __future__ import annotations

import os
import sys

try:
    import typer
except ModuleNotFoundError:
    sys.exit(
        "chainrule's commands need typer and rich; install them with: "
        "python -m pip install 'chainrule[train]'"
    )

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
