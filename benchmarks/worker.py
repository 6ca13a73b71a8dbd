"""One engine in one process, which answers lines of JSON with lines of JSON.

    python benchmarks/worker.py eager|programs ENGINE [FOLDER]

ENGINE is the name of a column, "chainrule compiled" and "chainrule plain" among them;
FOLDER is where chainrule has to be imported from. The first line that the worker writes
says what it is: {"identity": ...}, with every version, file and count of threads. Where
that is not what was asked for it is {"refused": ...}, where the engine is not installed
{"missing": ...}, and the worker stops with that as its error. After it, each
[method, argument, ...] gets what the workload's session gives for it.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import engines


def main() -> None:
    """Say what this is, then answer until the input ends."""
    benchmark, name, folder = [*sys.argv[1:], None][:3]
    one_core()
    engine, identity = started(str(name), folder)
    session = import_module(f"workloads.{benchmark}").Session(engine)
    say({"identity": identity})
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        say(getattr(session, method)(*arguments))


def started(name: str, folder: str | None) -> tuple[engines.Engine, dict[str, Any]]:
    """The engine, and what it is."""
    try:
        engine = engines.load(name)
        return engine, described(engine, folder)
    except ModuleNotFoundError as error:
        say({"missing": str(error)})
        sys.exit(f"{name}: {error}")
    except engines.Refused as error:
        say({"refused": str(error)})
        sys.exit(f"{name}: {error}")


def described(engine: engines.Engine, folder: str | None) -> dict[str, Any]:
    """What is measured, and by which Python."""
    found = str(Path(folder).resolve()) if folder else None
    return {"python": sys.version.split()[0], **engine.checked(found)}


def one_core() -> None:
    """Stay on the first core, the same for every worker, where the system allows it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def say(answer: Any) -> None:
    """One line."""
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
