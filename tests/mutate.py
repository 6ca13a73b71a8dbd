"""Mutants of a module: would a test fail if this line were wrong?

    python tests/mutate.py autograd.compiler.rules
    python tests/mutate.py nn.schedules --count 10 --seed 3
    python tests/mutate.py viz.digits --tests tests/test_draw.py tests/test_text.py

Each mutant is the module with one small change: `<` for `<=`, a condition negated, an
operand dropped, two arguments swapped, a statement taken out. They are drawn by the
seed, from every kind as many, and no two from one line. The module's test files (see
`where.py`) run in a copy of the sources, in plain Python, one after the other: of each
the tests that execute the line, then all, for what the ones before it have passed. With
`--data .coverage`, left by a run of all tests of these sources with
`--cov= --cov-context=test`, so do the other modules' tests that execute the line.
What all of them pass is shown as a difference: either a test is missing, or the change
makes none in what the program does.

(mutmut mutates no table at a module's top, cosmic-ray draws no sample, and neither asks
the tests of one line alone.)
"""

from __future__ import annotations

import argparse
import ast
import copy
import difflib
import itertools
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from where import ROOT, where_tested

TESTS = str(ROOT / "tests")

NOT_SOURCES = shutil.ignore_patterns(
    ".*", "build", "*.egg-info", "__pycache__", "*.so", "*.pyd", "results"
)

# ---- one change ----------------------------------------------------------------------

OTHER = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Add, ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "reversed": "list"}

Change = tuple[str, ast.AST]


def changes(node: ast.AST) -> Iterator[Change]:
    """Every change of one node: the kind, and what stands there instead."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in OTHER:
            yield "comparison", changed(node, ops=[OTHER[type(op)]()])
        case ast.BoolOp(op=op, values=[first, *rest]):
            yield "and, or", changed(node, op=OTHER[type(op)]())
            yield "operand dropped", first
            yield "operand dropped", rest[-1]
        case ast.BinOp(left=left, op=op) if type(op) in OTHER:
            yield "arithmetic", changed(node, op=OTHER[type(op)]())
            yield "operand dropped", left
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield "sign or not", operand
        case ast.Constant(value=bool(value)):
            yield "flag", ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield "number", ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in NAMES:
            yield "function", changed(node, func=ast.Name(NAMES[name]))
        case ast.Call(args=[first, second, *rest]):
            yield "arguments swapped", changed(node, args=[second, first, *rest])
        case ast.Return(value=ast.expr()):
            yield "return None", ast.Return(None)
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise():
            yield "statement removed", ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "statement removed", ast.Pass()
        case ast.Continue():
            yield "continue, break", ast.Break()
        case ast.Break():
            yield "continue, break", ast.Continue()


def changed(node: ast.AST, **fields: object) -> ast.AST:
    """A copy of a node with other fields."""
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def places(node: ast.AST) -> Iterator[tuple[ast.AST, Change]]:
    """Every node below that can be changed, with the change: no types and no words."""
    for kind, other in changes(node):
        yield node, (kind, other)
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.keyword) and node.arg in ("frozen", "slots", "strict"):
        return  # what they forbid is done by nobody, which test_house.py looks after
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        if ast.unparse(node.test) == "TYPE_CHECKING":
            return
        yield node.test, ("condition", ast.UnaryOp(ast.Not(), node.test))
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from places(child)


class Mutant(NamedTuple):
    """A module's text with one change; the lines that it is on, and its kind."""

    text: str
    lines: range
    kind: str


def mutants(text: str) -> list[Mutant]:
    """Every mutant of a module that is another program, and is one."""
    source = text.encode()
    starts = [0, *itertools.accumulate(map(len, source.splitlines(keepends=True)))]
    found = []
    for node, (kind, other) in places(ast.parse(text)):
        if ast.dump(other) == ast.dump(node):
            continue
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        new = ast.unparse(ast.fix_missing_locations(other))
        if isinstance(other, ast.expr):
            new = f"({new})"
        made = (source[:begin] + new.encode() + source[end:]).decode()
        lines = range(node.lineno, node.end_lineno + 1)
        found.append(Mutant(made, lines, kind))
    return found


def drawn(every: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many of them: from each kind in turn, and no two that begin on one line."""
    rng = random.Random(seed)
    kinds: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in rng.sample(every, len(every)):
        kinds[mutant.kind].append(mutant)
    rounds = itertools.zip_longest(*[kinds[kind] for kind in sorted(kinds)])
    taken: dict[int, Mutant] = {}
    for mutant in filter(None, itertools.chain.from_iterable(rounds)):
        taken.setdefault(mutant.lines.start, mutant)
    return list(taken.values())[:count]


# ---- the tests -----------------------------------------------------------------------


class Copy:
    """A copy of the sources, in which tests run."""

    def __init__(self, folder: str, module: Path) -> None:
        self.folder = Path(folder, "sources")
        shutil.copytree(ROOT, self.folder, ignore=NOT_SOURCES)
        self.path, self.module = module, self.folder / module

    def run(
        self, tests: list[str], limit: float, *options: str, keep: bool = False
    ) -> tuple[int, str]:
        """The exit code of pytest, and what it said; 124 where it took too long.

        keep: keep what Python compiles of the sources, for the runs that follow.
        """
        words = ["-q", "-x", "--tb=line", "-p", "no:cacheprovider", *options, *tests]
        said = self.folder.parent / "said.txt"
        arguments = (self.folder, words, said, keep)
        child = FORKS.Process(target=run_pytest, args=arguments)
        child.start()
        child.join(limit)
        if child.exitcode is None:
            end(child)
            return 124, ""
        return child.exitcode, said.read_text(encoding="utf-8", errors="replace")

    def watch(self, tests: str) -> dict[int, set[str]]:
        """Run a file of tests on the module as it is: the tests that execute each line.

        What runs as a module is imported, or once for many tests, is written down as
        run by none of them or by the first alone.
        """
        own = self.folder.parent / "coverage"
        settings = self.folder.parent / "coverage.ini"
        settings.write_text(f"[run]\ndata_file = {own}\ninclude = */{self.path}\n")
        options = ["--cov", "--cov-context=test", "--cov-report="]
        started = time.perf_counter()
        code, said = self.run([tests], 1800.0, *options, f"--cov-config={settings}",
                              keep=True)  # fmt: skip
        if code:
            sys.exit(f"the tests fail on the module as it is:\n{said}")
        for kept in self.module.parent.glob(f"__pycache__/{self.module.stem}.*"):
            kept.unlink()
        self.seconds = 2.0 * (time.perf_counter() - started) + 20.0
        return tests_by_line(own, self.path)

    def survivors(
        self,
        mutants: list[Mutant],
        by_line: dict[int, set[str]],
        tests: list[str],
        fates: Counter[str],
    ) -> Iterator[Mutant]:
        """The mutants that survive the tests that execute their lines, then others."""
        for mutant in mutants:
            lines = (by_line.get(line, set()) for line in mutant.lines)
            fate = self.fate(mutant, [sorted(set().union(*lines)), tests])
            if fate == "survived":
                yield mutant
            else:
                fates[fate] += 1
                place = f"{self.path}:{mutant.lines.start}"
                print(f"{place}: {mutant.kind}: {fate}", flush=True)

    def fate(self, mutant: Mutant, stages: list[list[str]]) -> str:
        """What becomes of a mutant: killed, killed by time, or survived.

        stages: the tests to ask, in turn.
        """
        before = self.module.read_text(encoding="utf-8")
        self.module.write_text(mutant.text, encoding="utf-8")
        try:
            for tests in filter(None, stages):
                code, said = self.run(tests, self.seconds)
                if code == 5 or "usage:" in said:
                    sys.exit(f"pytest ran no test:\n{said}")
                if code == 124:
                    return "killed by time"
                if code:
                    return "killed"
        finally:
            self.module.write_text(before, encoding="utf-8")
        return "survived"


FORKS = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")
LIBRARIES = ["pytest", "sympy", "mpmath", "llvmlite.binding", "IPython",
             "sklearn.datasets", "matplotlib.figure", "polars", "typer"]  # fmt: skip
"""What most tests import: loaded once, and then by no run of pytest again."""


def run_pytest(folder: Path, words: list[str], said: Path, keep: bool) -> None:
    """Run pytest on the copy of the sources, in this process, which ends with it."""
    if os.name != "nt":
        os.setsid()
    with said.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(folder)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *sys.path])
    os.environ["PYTHONDONTWRITEBYTECODE"] = "" if keep else "1"
    sys.dont_write_bytecode = not keep
    sys.path[:] = [str(folder), *(entry for entry in sys.path if entry != TESTS)]
    sys.modules.pop("where", None)  # the copy has its own
    import pytest

    sys.exit(int(pytest.main(words)))


def end(child: BaseProcess) -> None:
    """End a run of pytest, and what it started."""
    if os.name == "nt":
        child.kill()
    else:
        os.killpg(child.pid, signal.SIGKILL)
    child.join()


def tests_by_line(data: Path | str, module: Path) -> dict[int, set[str]]:
    """The tests that execute each line of a module, from a file of coverage.py."""
    from coverage import CoverageData

    read = CoverageData(str(data))
    read.read()
    found: dict[int, set[str]] = {}
    for path in read.measured_files():
        if path.endswith(f"/{module}"):
            for line, names in read.contexts_by_lineno(path).items():
                found[line] = {re.sub(r"\|\w+$", "", name) for name in names if name}
    return found


def main() -> None:
    """Draw mutants, run the tests on each, and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("module", help="by its name, as in an import")
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tests", nargs="+", help="others than the module's own")
    parser.add_argument("--data", metavar=".coverage", help="what all tests execute")
    asked = parser.parse_args()
    path = Path(*asked.module.split(".")).with_suffix(".py")
    text = (ROOT / path).read_text(encoding="utf-8")
    chosen = drawn(mutants(text), asked.count, asked.seed)
    left, fates = chosen, Counter[str]()
    FORKS.set_forkserver_preload(LIBRARIES)
    with tempfile.TemporaryDirectory() as folder:
        place = Copy(folder, path)
        for tests in asked.tests or where_tested(asked.module):
            if left:
                left = [*place.survivors(left, place.watch(tests), [tests], fates)]
        if asked.data and left:
            lines = tests_by_line(asked.data, path)
            left = [*place.survivors(left, lines, [], fates)]
    for mutant in left:
        print(f"{path}:{mutant.lines.start}: {mutant.kind}: survived")
        print(difference(text, mutant.text))
    fates["survived"] = len(left)
    told = ", ".join(f"{count} {fate}" for fate, count in sorted(fates.items()))
    print(f"{len(chosen)} mutants of {asked.module}: {told}")


def difference(before: str, after: str) -> str:
    """The lines that differ, with those around them."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1)
    return "\n".join(f"    {line}" for line in itertools.islice(lines, 2, None))


if __name__ == "__main__":
    main()
