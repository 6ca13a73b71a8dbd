"""What a benchmark asks of an engine, and how an engine shows that it is the one meant.

Everything an engine does not have stays None, or gives None: the benchmark leaves that
cell empty.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module, metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

Step = Callable[[], Any]
"""One step of a program; what it returns is checked before it is timed."""


class Refused(Exception):
    """Another engine than the one that was asked for; the text says which."""


class Engine:
    """One engine in its process. A subclass overrides what it has."""

    modules: tuple[str, ...] = ()
    """What is imported before anything is timed."""

    import_s = 0.0
    """What that took."""

    comparable = True
    """Whether its programs compute the loss that the others do."""

    # Scalars: what `workloads/eager.py` records.
    Value: Callable[[float], Any] | None = None
    MLP: Callable[..., Any] | None = None
    functions: Mapping[str, Callable[..., Any]] = MappingProxyType({})
    gradients: Callable[[Any, list[Any]], Any] | None = None
    grad: Callable[..., Any] | None = None
    jacobian: Callable[..., Any] | None = None
    jvp: Callable[..., Any] | None = None

    # Programs: what `workloads/programs.py` steps through.
    def draw(self, workload: Any) -> None:
        """Make the network, where it is an object; that is no part of what is timed."""

    def network(self, workload: Any) -> Step | None:
        """A step of full-batch descent."""

    def training(self, workload: Any) -> Step | None:
        """Some epochs of shuffled batches."""

    def graph(self, workload: Any) -> Step | None:
        """The value of one graph without repetition, and its gradient."""

    def call(self, workload: Any) -> Step | None:
        """The value of a neuron with tanh, and its gradient by weights and bias."""

    def options(self, workload: Any) -> Step | None:
        """The sum of all derivatives of the option prices of `SHOWN` rows."""

    def simulation(self, workload: Any) -> Step | None:
        """The total of a simulation, and its derivatives by four rates."""

    def model(self, workload: Any) -> Step | None:
        """A step of full-batch descent of a model of `workloads/models.py`."""

    # Training: what `workloads/microgpt.py` goes through.
    def gpt(self, workload: Any) -> Step | None:
        """A step of Adam on the next document; it returns the loss before it."""

    def start(self) -> None:
        """Import the peer and set it up; before anything is timed."""
        for module in self.modules:
            import_module(module)

    def checked(self, folder: str | None) -> dict[str, Any]:
        """What is measured, or Refused where that is not what was asked for.

        `folder` is where chainrule has to come from; no peer looks at it.
        """
        found = dict(package(module.split(".")[0]) for module in self.modules)
        return {
            "packages": found,
            "threads": one_thread_each(),
            "comparable": self.comparable,
        }


def package(module: str) -> tuple[str, dict[str, Any]]:
    """The distribution of a peer with its version, and the file that was imported."""
    file = sys.modules[module].__file__
    names = metadata.packages_distributions().get(module)
    if not names:
        raise Refused(f"{file} belongs to nothing that is installed")
    installed = metadata.distribution(names[0])
    if file is None or not inside(file, str(installed.locate_file(""))):
        raise Refused(
            f"{names[0]} {installed.version} is installed, but {file} was imported"
        )
    return names[0], {"version": installed.version, "file": file}


def inside(file: str, folder: str) -> bool:
    """Whether a file lies somewhere below a folder."""
    return Path(folder).resolve() in Path(file).resolve().parents


def one_thread_each() -> dict[str, int]:
    """The threads of every pool of BLAS and OpenMP here; Refused where one has more."""
    try:
        threadpoolctl = import_module("threadpoolctl")
    except ModuleNotFoundError:
        return {}
    pools = threadpoolctl.threadpool_info()
    threads = {pool["internal_api"]: pool["num_threads"] for pool in pools}
    several = [f"{name} {count}" for name, count in threads.items() if count > 1]
    if several:
        raise Refused(f"more than one thread: {', '.join(several)}")
    return threads
