"""Files that are there in full or not at all.

>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     write_whole(Path(folder, "a.txt"), b"text")
...     Path(folder, "a.txt").read_text()
'text'
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from os import PathLike
from typing import TypeAlias

Path: TypeAlias = str | PathLike[str]

NAME_SHOWN = 50
"""Characters of a file's name that its hidden companion's name repeats: in UTF-8 at
most 200 bytes of the 255 that a name may have."""


@contextmanager
def reading(path: Path, otherwise: str = "") -> Iterator[None]:
    """Inside, a file that can't be read raises an OSError that says what to write.

    otherwise: what to say of a file that is not there, unless one is named nearly so.

    >>> with reading("model.jsn", "nn.save writes one"):
    ...     open("model.jsn")
    Traceback (most recent call last):
    FileNotFoundError: there is no file 'model.jsn': nn.save writes one
    """
    name = os.fspath(path)
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(absent(name, otherwise)) from None
    except (IsADirectoryError, NotADirectoryError, PermissionError) as error:
        reason = error.strerror or str(error)
        if os.path.isdir(name):
            reason = "it is a folder; write the file in it"
            reason += _inside(name, model=bool(otherwise))
        raise type(error)(f"can't read {name!r}: {reason}") from None


def absent(name: str, otherwise: str = "") -> str:
    """That there is no file of this name, and what it is called or how it is made."""
    folder = os.path.dirname(name)
    if folder and not os.path.isdir(folder):
        first = f"there is no folder {folder!r}"
        return f"{first}: {otherwise}" if otherwise else first
    near = _near(name, folder or ".")
    advice = f"did you mean {near!r}?" if near else otherwise
    return f"there is no file {name!r}" + (f": {advice}" if advice else "")


def _near(name: str, folder: str) -> str:
    """The file in a folder whose name is nearest, of the same kind if there is one."""
    from difflib import get_close_matches

    kind = os.path.splitext(name)[1]
    there = sorted(entry for entry in os.listdir(folder) if entry[:1] != ".")
    alike = [entry for entry in there if os.path.splitext(entry)[1] == kind]
    for names in (alike, there):
        if found := get_close_matches(os.path.basename(name), names, n=1):
            return os.path.join(os.path.dirname(name), found[0])
    return ""


def _inside(folder: str, model: bool) -> str:
    """The file in a folder that was meant: a model, or what may be a table."""
    kinds = (".json",) if model else (".csv", ".tsv", ".txt", ".parquet")
    there = [name for name in sorted(os.listdir(folder)) if name.endswith(kinds)]
    return f", such as {os.path.join(folder, there[0])}" if there else ""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there in full or not at all, whatever happens meanwhile.

    The bytes go into a hidden file beside it, reach the disk, and take its name in one
    step; until then an older file of that name stays as it was. A process that is
    killed leaves the hidden file, and the next one that writes there takes it over.

    A file that is replaced hands on its permissions and, where the system lets it, its
    owner, group, access control list and extended attributes (these two on Linux). A
    symbolic link goes on pointing where it did; another hard link keeps the old bytes.
    What is no file that could be replaced, such as a pipe, a device or /dev/stdout, is
    written into.

    Raises OSError, with the path and the reason, where that is impossible: also for a
    file that is write-protected, which stays as it was.
    """
    name = os.fsdecode(path)
    try:
        _write(name, content)
    except OSError as error:
        reason = _reason(error, name)
        raise type(error)(f"can't write {name!r}: {reason}") from None


def _write(path: str, content: bytes) -> None:
    descriptor = _descriptor(path)
    if descriptor is not None:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()  # what was printed comes before
        _into(os.dup(descriptor), content)
        return
    old = _status(path)
    if old is None or stat.S_ISREG(old.st_mode):
        _replace(path, content, old)
    elif stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError("it is a folder; add the name of a file")
    else:
        _into(os.open(path, os.O_WRONLY), content)


def _reason(error: OSError, path: str) -> str:
    folder = os.path.dirname(os.path.realpath(path) if os.path.islink(path) else path)
    if isinstance(error, FileNotFoundError) and not os.path.exists(path):
        return f"there is no folder {folder!r}" if path else "the name is empty"
    if isinstance(error, NotADirectoryError):
        return f"{folder!r} is a file, and no folder"
    reason = error.strerror or str(error)
    if isinstance(error, PermissionError) and not os.access(folder or ".", os.W_OK):
        return f"{reason}: it is made anew, and its folder is write-protected"
    return reason


def _status(path: str) -> os.stat_result | None:
    """What is there, at the end of any symbolic links; None where nothing is."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        if os.path.basename(path):
            return None
        raise


def _descriptor(path: str) -> int | None:
    """The number of the open file that a path such as /dev/stdout stands for."""
    homes = ("/dev/fd", f"/proc/{os.getpid()}/fd")
    for _ in range(40):  # as many links as the system itself follows
        folder, name = os.path.split(path)
        if name.isdecimal() and os.path.realpath(folder) in homes:
            return int(name)
        if not os.path.islink(path):
            break
        path = os.path.join(folder, os.readlink(path))
    return None


def _into(descriptor: int, content: bytes) -> None:
    """Write to an open file, and close it."""
    with open(descriptor, "wb") as file:
        file.write(content)


def _replace(path: str, content: bytes, old: os.stat_result | None) -> None:
    if old and not os.access(path, os.W_OK):
        raise PermissionError("it is write-protected")
    goal = os.path.realpath(path)
    folder, name = os.path.split(goal)
    with _locked(folder) as alone:
        own = "" if alone else f".{secrets.token_hex(4)}"
        part = os.path.join(folder, f".{name[:NAME_SHOWN]}{own}.part")
        try:
            _make(part, content, goal if old else None)
            os.replace(part, goal)
        except BaseException:
            with suppress(OSError):  # it may never have come to be
                os.remove(part)
            raise


def _make(part: str, content: bytes, like: str | None) -> None:
    """A new file that is on the disk, with the permissions of another or the usual.

    It is nobody else's to read until its permissions are those of the other.
    """
    with suppress(FileNotFoundError):
        os.remove(part)  # of a process that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(part, flags, 0o600 if like else 0o666), "wb") as file:
        file.write(content)
        if like is not None:
            _liken(part, like)
        file.flush()
        os.fsync(file.fileno())


def _liken(part: str, like: str) -> None:
    """Give a new file the owner, group, permissions and attributes of another."""
    status, mine = os.stat(like), os.stat(part)
    mode = stat.S_IMODE(status.st_mode)
    if (status.st_uid, status.st_gid) != (mine.st_uid, mine.st_gid):
        mode = _hand_over(part, status)
    os.chmod(part, mode)
    _liken_attributes(part, like)


def _liken_attributes(part: str, like: str) -> None:
    """The same extended attributes, of which an access control list is one."""
    if sys.platform == "linux":
        with suppress(OSError):  # a drive without them
            wanted = os.listxattr(like)
            for name in set(os.listxattr(part)).difference(wanted):
                with suppress(OSError):  # some are the system's own
                    os.removexattr(part, name)
            for name in wanted:
                with suppress(OSError):
                    os.setxattr(part, name, os.getxattr(like, name))


def _hand_over(part: str, status: os.stat_result) -> int:
    """Change owner and group as far as that is allowed; the permissions that remain.

    Rights that were one group's are not given to another.
    """
    mode = stat.S_IMODE(status.st_mode)
    with suppress(PermissionError):
        os.chown(part, -1, status.st_gid)
        with suppress(PermissionError):
            os.chown(part, status.st_uid, -1)
            return mode
        return mode & 0o777
    return mode & 0o707 | (mode & 0o007) << 3


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
