"""Starting workers so that each can only measure what it is meant to.

chainrule is measured wherever Python finds it, or, where it is not installed, in the
checkout that holds this folder. "Plain" is a copy of those same sources and of nothing
else: no compiled file can be imported from it, whatever is installed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PLATFORMS": "cpu",
}


BEFORE = "chainrule before"


class LeftOut(Exception):
    """An engine that is not measured; the text says why."""


class Worker:
    """An engine in its own process, asked over a pipe. Raises LeftOut."""

    def __init__(
        self,
        benchmark: str,
        engine: str,
        places: "Places",
        python: str = sys.executable,
    ) -> None:
        self.engine, self.python = engine, python
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (as long as the process)
        folder = places.folder(engine)
        self.process = subprocess.Popen(
            [
                python,
                str(HERE / "worker.py"),
                benchmark,
                engine,
                *filter(None, [folder]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=places.environment(engine),
            cwd=places.empty,
        )
        first = self._answer()
        if "identity" not in first:
            self.close()
            (kind, text), *_ = first.items()
            raise LeftOut(f"not installed ({text})" if kind == "missing" else text)
        self.identity = first["identity"]

    def ask(self, method: str, *arguments: Any) -> Any:
        """What the worker's session gives; LeftOut where the worker has died of it."""
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps([method, *arguments]) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # then there is no answer either, and that says why
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout
        if line := self.process.stdout.readline():
            return json.loads(line)
        status = self.process.wait()
        self.errors.seek(0)
        *_, last = ["", *self.errors.read().split("\n")[-2:-1]]
        self.close()
        raise LeftOut(f"ended with status {status}: {last}")

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def close(self) -> None:
        """End the process that this one started."""
        assert self.process.stdin
        assert self.process.stdout
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


class Places:
    """Where each engine's chainrule is; made by `places()`."""

    def __init__(self, root: Path) -> None:
        self.empty = root / "empty"
        self.empty.mkdir()
        self.installed = installed()
        self.sources = self.installed or beside()
        self.plain = root / "plain"
        for package in ("autograd", "nn"):
            copy_sources(self.sources / package, self.plain / package)

    def folder(self, engine: str) -> str | None:
        """The folder that an engine's chainrule has to come from.

        What was before is wherever its own Python finds it.
        """
        if not engine.startswith("chainrule") or engine == BEFORE:
            return None
        if engine == "chainrule plain":
            return str(self.plain)
        if engine == "chainrule compiled" and not self.installed:
            raise LeftOut("not installed, and so not compiled")
        return str(self.sources)

    def environment(self, engine: str) -> dict[str, str]:
        """One thread, no randomness from hashes, and the path to that folder."""
        environment = dict(os.environ, PYTHONHASHSEED="0", **ONE_THREAD)
        environment.pop("PYTHONSAFEPATH", None)  # a worker's modules lie beside it
        ours = self.plain if engine == "chainrule plain" else self.sources
        elsewhere = engine != BEFORE and ours != self.installed
        if engine.startswith("chainrule") and elsewhere:
            others = filter(None, [os.environ.get("PYTHONPATH")])
            environment["PYTHONPATH"] = os.pathsep.join([str(ours), *others])
        return environment


@contextmanager
def places() -> Iterator[Places]:
    """The places, while they are needed."""
    with tempfile.TemporaryDirectory() as root:
        yield Places(Path(root))


def installed() -> Path | None:
    """The folder in which Python finds chainrule."""
    spec = find_spec("autograd")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    return folder.parent if folder and is_ours(folder) else None


def beside() -> Path:
    """The checkout that holds this folder."""
    if not is_ours(HERE.parent / "autograd"):
        sys.exit("chainrule is not installed: python -m pip install chainrule")
    return HERE.parent


def is_ours(folder: Path) -> bool:
    """Whether a folder `autograd` is chainrule's, not another project's."""
    return (folder / "alone.py").is_file()


def copy_sources(package: Path, target: Path) -> None:
    """The Python files of a package, and nothing compiled."""
    for file in package.rglob("*.py"):
        copy = target / file.relative_to(package)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)


def line_of(identity: dict[str, Any]) -> str:
    """What was measured, for people."""
    kind = identity.get("kind")
    found = [
        f"{name} {package['version']}{f', {kind},' if kind and not i else ''}"
        f" from {Path(package['file']).parent}"
        for i, (name, package) in enumerate(identity["packages"].items())
    ]
    return "; ".join(found) or "in the file of its engine"
