"""GradBench's own evals put to our tool and others by turns, and judged by themselves.

    python benchmarks/gradbench/run.py EXPORT [--tools compiled,jax,manual,finite]
        [--python PATH] [--peers PATH] [--only det,llsq] [--most 60] [-- OPTIONS]

EXPORT is a copy of the repository gradbench/gradbench. Its evals run with the
interpreter of `--python`, which has what they import: numpy, scipy, pydantic and
dataclasses-json; its tools with that of `--peers`, which has jax and torch. They judge
most answers by its tool `manual`, so run `make -C cpp` and `make -C tools/manual
bin/NAME` there first. `manual` and `finite`, which alone of these has particle and
saddle, are C++; `compiled` and `eager` are ours. OPTIONS are the eval's; without
them it asks for the sizes in `SIZES`. A tool is ended that takes more than `--most`
seconds for an eval.

For each question a line of a table says what CPU preparing took, the median run of each
tool, and how many times the fastest other tool's ours is; for `manual` of C++ and the
others what is compiled beforehand is not counted. At the end: in how many evals the
derivatives, at all sizes, are within 2 times the fastest other tool.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from evals import EVALS

HERE = Path(__file__).resolve().parent
OURS = ("compiled", "eager")
ENOUGH = ["--min-runs", "5", "--min-seconds", "0.1"]  # JAX compiles in the first
SIZES = {
    "det": ["-l", "5", "7"],
    "llsq": ["-n", "16", "128", "1024"],
    "lse": ["-n", "2500", "10000"],
    "ode": ["-n", "1000", "-s", "1", "10"],
    "kmeans": ["-k", "10", "100", "-n", "1000", "-d", "8"],
    "gmm": ["-n", "1000", "-d", "10", "-k", "5", "25"],
    "lstm": ["-l", "2", "-c", "128", "1024"],
    "ba": ["--max", "1"],
    "ht": ["--max", "2"],
}
VALUES = ("square", "primal", "cost", "objective")  # functions that are no derivative


def main() -> None:
    """One eval after the other, each with one tool after the other."""
    parser = argparse.ArgumentParser(prog="run.py")
    parser.add_argument("export", type=Path)
    parser.add_argument("--tools", default="compiled")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--only", default=",".join(EVALS))
    parser.add_argument("--most", type=float, default=60)
    own, options = sys.argv[1:], []
    if "--" in own:
        place = own.index("--")
        own, options = own[:place], own[place + 1 :]
    given = parser.parse_args(own)
    given.tools, given.export = given.tools.split(","), given.export.resolve()
    print("| task | prepared, s |", *[f"{tool} |" for tool in given.tools], "times |")
    print("| --- |" + " --- |" * (len(given.tools) + 2), flush=True)
    within = []
    for name in given.only.split(","):
        asked = options or [*SIZES.get(name, []), *ENOUGH]
        answers = {tool: judge(given, name, tool, asked) for tool in given.tools}
        within += [name] if show(name, answers) else []
    print(f"\nwithin 2 times the fastest other tool: {len(within)}, {within}")


def judge(given: argparse.Namespace, name: str, tool: str, options: list[str]) -> Any:
    """Pass on every line between an eval and a tool: the times of each question."""
    packages = given.export / "python" / "gradbench"
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    script = packages / "gradbench" / "evals" / name / "run.py"
    run = {"cwd": given.export, "env": environment}
    asks = started([given.python, str(script), *options], **run)
    answers = started(command(given, tool), **({} if tool in OURS else run))
    late = threading.Timer(given.most, answers.kill)
    late.start()
    found: dict[str, Any] = {}
    with suppress(BrokenPipeError):
        for line in asks.stdout:
            answers.stdin.write(line)
            answers.stdin.flush()
            if not (answer := answers.stdout.readline()):
                break
            note(found, json.loads(line), json.loads(answer))
            asks.stdin.write(answer)
            asks.stdin.flush()
    late.cancel()
    for process in (answers, asks):
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
    return found


def command(given: argparse.Namespace, tool: str) -> list[str]:
    """What starts a tool."""
    packages = given.export / "python" / "gradbench" / "gradbench"
    if tool in OURS:
        return [sys.executable, str(HERE / "tool.py"), tool]
    if tool == "jax":
        return [given.peers, str(HERE / "waiting.py"), str(given.export)]
    if (script := packages / "tools" / tool / "run.py").exists():
        return [given.peers, str(script)]
    return [given.python, str(packages / "cpp.py"), tool]


def started(command: list[str], **options: Any) -> Any:
    """A process with pipes for lines."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, **options)


def note(found: dict[str, Any], message: Any, answer: Any) -> None:
    """Keep what an answer took, until it is judged wrong."""
    if message["kind"] == "evaluate":
        question = f"{message['function']} {message.get('description') or ''}"
        found["last"] = question
        if not answer["success"]:
            found[question] = str(answer.get("error")).strip().splitlines()[-1]
            return
        times: dict[str, list[float]] = {"prepare": [], "evaluate": []}
        for timing in answer["timings"]:
            times.setdefault(timing["name"], []).append(timing["nanoseconds"] / 1e9)
        found[question] = sum(times["prepare"]), statistics.median(times["evaluate"])
    if message["kind"] == "analysis" and not message["valid"]:
        found[found["last"]] = "WRONG"


def show(name: str, answers: dict[str, Any]) -> bool:
    """The lines of an eval; whether the derivatives are within 2 times all others."""
    ours, *others = answers
    good = []
    for question, taken in answers[ours].items():
        if question == "last":
            continue
        cells = [cell(answers[tool].get(question)) for tool in answers]
        prepared, times, ratio = "", [], None
        if isinstance(taken, tuple):
            prepared = f"{taken[0]:.2f}"
            rest = [answers[tool].get(question) for tool in others]
            times = [other[1] for other in rest if isinstance(other, tuple)]
            ratio = taken[1] / min(times) if times else None
        if question.split()[0] not in VALUES:
            good.append(isinstance(taken, tuple) and (ratio is None or ratio <= 2))
        last = "" if ratio is None else f"{ratio:.2g}"
        row = [f"{name} {question}", prepared, *cells, last]
        print("| " + " | ".join(row) + " |", flush=True)
    return bool(good) and all(good)


def cell(taken: Any) -> str:
    """Microseconds, or why there are none."""
    if isinstance(taken, tuple):
        return f"{taken[1] * 1e6:,.1f} µs"
    return (taken or "")[:60]


if __name__ == "__main__":
    main()
