"""Where in the user's own program something happened."""

from __future__ import annotations

import contextlib
import functools
import linecache
import os
import sys
from pathlib import Path
from typing import Final

OURS: Final = ["autograd/"]  # what compiled modules call their sources
HELPERS: Final = (contextlib.__file__, functools.__file__)  # `with` blocks, decorators


def users_place() -> tuple[str, int]:
    """The file and the line of the innermost call outside these packages."""
    frame = sys._getframe(users_level() - 1)
    return frame.f_code.co_filename, frame.f_lineno


def users_level() -> int:
    """How many calls up from the caller that call is: the `stacklevel` of a warning."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and is_ours(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    return level


def shown(place: tuple[str, int]) -> str:
    """A place as errors show it: `model.py, line 12: y = log(x)`."""
    path, line = place
    text = linecache.getline(path, line).strip()
    name = os.path.basename(path)
    return f"{name}, line {line}: {text}" if text else f"{name}, line {line}"


def is_ours(path: str) -> bool:
    """Whether a file of code belongs to these packages."""
    return path.startswith(tuple(OURS)) or path in HELPERS


def in_library(path: str) -> bool:
    """Whether a file of code belongs to a library, Python's own or another."""
    import sysconfig

    inside = Path(path).parts
    if "site-packages" in inside or "dist-packages" in inside:  # not only this Python's
        return True
    return path.startswith(sysconfig.get_path("stdlib") + os.sep)


def announce(file: str) -> None:
    """Count the folder of a package's `__init__.py` among ours from now on."""
    OURS.append(os.path.dirname(os.path.abspath(file)) + os.sep)


announce(__file__)
