"""Files that are there in full or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from os import PathLike
from typing import TypeAlias

Path: TypeAlias = str | PathLike[str]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there in full or not at all, whatever happens meanwhile.

    The bytes go into a hidden file beside it, reach the disk, and take its name in one
    step; until then an older file of that name stays as it was. A process that is
    killed leaves the hidden file, and the next one that writes there takes it over.

    Raises OSError, with the path and the reason, where that is impossible.
    """
    goal = os.path.realpath(path)
    folder, name = os.path.split(goal)
    try:
        with _locked(folder) as alone:
            own = "" if alone else f".{secrets.token_hex(4)}"
            _replace(goal, os.path.join(folder, f".{name}{own}.part"), content)
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno == errno.ENOENT:
            reason = f"there is no folder {os.path.dirname(path)!r}"
        raise type(error)(f"can't write {os.fspath(path)!r}: {reason}") from None


def _replace(goal: str, part: str, content: bytes) -> None:
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, goal)
    except BaseException:
        with suppress(OSError):  # it may never have come to be
            os.remove(part)
        raise


@contextmanager
def _locked(folder: str) -> Iterator[bool]:
    """Keep other writers out of a folder; False where the system has no such lock.

    The lock ends with the process that holds it, however it ends.
    """
    if sys.platform == "win32":
        yield False
        return
    from fcntl import LOCK_EX, LOCK_UN, flock

    with ExitStack() as stack:
        alone = False
        with suppress(OSError):  # a folder that can't be listed, some network drives
            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            flock(descriptor, LOCK_EX)
            stack.callback(flock, descriptor, LOCK_UN)  # a fork would hold on to it
            alone = True
        yield alone
