"""chainrule as a tool of GradBench: answers lines of JSON with lines of JSON.

    python benchmarks/gradbench/tool.py eager|compiled

Messages are answered by their `id`. `define` asks whether there is a module, `evaluate`
for a function of it at an input; every run of it is a timing of its own, and what is
compiled before the first one stands as `prepare`, in CPU time. Anything else is only
acknowledged.
"""

import json
import sys
import time
from typing import Any

from evals import EVALS
from preparing import ENGINES


def main() -> None:
    """Answer until the input ends."""
    if len(sys.argv) != 2 or sys.argv[1] not in ENGINES:
        sys.exit(f"usage: python benchmarks/gradbench/tool.py {'|'.join(ENGINES)}")
    engine = ENGINES[sys.argv[1]]()
    for line in sys.stdin:
        message = json.loads(line)
        print(json.dumps({"id": message["id"], **answer(message, engine)}), flush=True)


def answer(message: dict[str, Any], engine: Any) -> dict[str, Any]:
    """What a message is answered with, beside its id."""
    kind = message["kind"]
    if kind == "start":
        return {"tool": f"chainrule-{type(engine).__name__.lower()}"}
    if kind == "define":
        return {"success": message["module"] in EVALS}
    if kind != "evaluate":
        return {}
    try:
        return evaluated(message, engine)
    except Exception as error:  # whatever is wrong belongs into the answer
        return {"success": False, "error": f"{type(error).__name__}: {error}"}


def evaluated(message: dict[str, Any], engine: Any) -> dict[str, Any]:
    """The output, and how long everything took."""
    given = message["input"]
    least = given if isinstance(given, dict) else {}
    begin = time.process_time_ns()
    run, output = EVALS[message["module"]][message["function"]](engine, given)
    found = run() if type(engine).__name__ == "Compiled" else None
    timings = [timing("prepare", time.process_time_ns() - begin)]
    runs, spent = 0, 0
    while runs < max(1, least.get("min_runs", 1)) or (
        spent < least.get("min_seconds", 0) * 1e9
    ):
        begin = time.perf_counter_ns()
        found = run()
        taken = time.perf_counter_ns() - begin
        runs, spent = runs + 1, spent + taken
        timings.append(timing("evaluate", taken))
    return {"success": True, "output": output(found), "timings": timings}


def timing(name: str, nanoseconds: int) -> dict[str, Any]:
    """An entry of the answer."""
    return {"name": name, "nanoseconds": nanoseconds}


if __name__ == "__main__":
    main()
