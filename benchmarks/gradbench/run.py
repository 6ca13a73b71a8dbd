"""GradBench's own evals put to our tool, and judged by themselves.

    python benchmarks/gradbench/run.py EXPORT [--tool compiled] [--python PATH]
        [--only det,llsq] [-- options of the eval]

EXPORT is a copy of the repository gradbench/gradbench. Its evals run with the
interpreter of `--python`, which has what they import: numpy, scipy, pydantic and
dataclasses-json. They judge most answers by its tool `manual`, so run `make -C cpp` and
`make -C tools/manual bin/NAME` there first. For each answer a line says what was asked,
whether it was right, what preparing took and the median run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from evals import EVALS

HERE = Path(__file__).resolve().parent


def main() -> None:
    """One eval after the other."""
    parser = argparse.ArgumentParser(prog="run.py")
    parser.add_argument("export", type=Path)
    parser.add_argument("--tool", default="compiled", choices=["eager", "compiled"])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", default=",".join(EVALS))
    own, options = sys.argv[1:], []
    if "--" in own:
        place = own.index("--")
        own, options = own[:place], own[place + 1 :]
    given = parser.parse_args(own)
    for name in given.only.split(","):
        judge(given, name, options)


def judge(given: argparse.Namespace, name: str, options: list[str]) -> None:
    """Pass on every line between an eval and the tool."""
    packages = given.export / "python" / "gradbench"
    script = packages / "gradbench" / "evals" / name / "run.py"
    environment = {**os.environ, "PYTHONPATH": str(packages.resolve())}
    asks = started(
        [given.python, str(script.resolve()), *options],
        cwd=given.export,
        env=environment,
    )
    tool = started([sys.executable, str(HERE / "tool.py"), given.tool])
    last: dict[str, Any] = {}
    for line in asks.stdout:
        message = json.loads(line)
        tool.stdin.write(line)
        tool.stdin.flush()
        answer = tool.stdout.readline()
        if message["kind"] == "evaluate":
            last = {"asked": message, "answer": json.loads(answer)}
            if not last["answer"]["success"]:
                show(last, last["answer"]["error"])
        if message["kind"] == "analysis":
            show(last, "" if message["valid"] else f"WRONG: {message.get('error')}")
        asks.stdin.write(answer)
        asks.stdin.flush()
    for process in (asks, tool):
        process.stdin.close()
        process.wait()


def started(command: list[str], **options: Any) -> Any:
    """A process with pipes for lines."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, **options)


def show(last: dict[str, Any], wrong: str) -> None:
    """A line of the table."""
    asked, answer = last["asked"], last["answer"]
    name = f"{asked['module']} {asked['function']} {asked.get('description', '')}"
    if wrong:
        print(f"| {name} | {wrong.splitlines()[0]} | | |", flush=True)
        return
    prepared, *runs = [each["nanoseconds"] / 1e9 for each in answer["timings"]]
    middle = statistics.median(runs)
    print(f"| {name} | right | {prepared:.3f} s | {middle * 1e6:,.1f} µs |", flush=True)


if __name__ == "__main__":
    main()
