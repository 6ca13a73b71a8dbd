"""Libraries that come with `chainrule[train]`, and what to say where one is missing."""

from __future__ import annotations

from importlib.util import find_spec

PROJECTS = {"sklearn": "scikit-learn", "PIL": "pillow"}


def require(name: str) -> None:
    """Raise ModuleNotFoundError, with the command that installs it, for a library.

    >>> require("numpy")
    """
    if find_spec(name) is None:
        raise ModuleNotFoundError(needed(name), name=name)


def needed(name: str) -> str:
    """What to say where a library is missing.

    >>> needed("sklearn")
    'this needs scikit-learn; install it with: python -m pip install "chainrule[train]"'
    """
    name = name.partition(".")[0]
    return (
        f"this needs {PROJECTS.get(name, name)}; install it with: "
        'python -m pip install "chainrule[train]"'
    )
