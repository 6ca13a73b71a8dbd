"""Programs in JavaScript, run by node, against the eager engine."""

import itertools
import json
import math
import random
import re
import shutil
import subprocess

import numpy as np
import pytest
from layered import layered
from random_graphs import eager, example

from autograd import Value, compile, operation, sum, tanh
from autograd.compiler import CompileError
from autograd.compiler.array_text import form
from autograd.compiler.javascript import JAVASCRIPT, MATH
from autograd.compiler.loop_text import statement
from autograd.modes import ieee
from autograd.ops import TABLE
from nn import MLP

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node")

RUN = """
import { readFileSync } from "node:fs";
const asked = JSON.parse(readFileSync("asked.json"));
const plain = (x) => (Object.is(x, -0) ? "-0" : String(x));
const answers = [];
for (const { name, X, parameters } of asked) {
  const made = await import(name);
  const given = parameters && Float64Array.from(parameters, Number);
  const batch = Float64Array.from(X, Number);
  const called = (key) => made[key] && made[key](batch, given);
  const mean = called("valueAndGrad");
  const all = [called("program"), called("inputGrad")];
  if (mean) all.push([mean.value, ...mean.gradient]);
  answers.push(all.map((each) => Array.from(each || [], plain)));
}
console.log(JSON.stringify(answers));
"""


def answers(folder, asked):
    """What node answers to programs and batches: outputs, slopes, mean and gradient.

    Each is a flat array, the last of 1 + P numbers; one process answers them all.
    """
    cases = []
    for n, (program, X) in enumerate(asked):
        (folder / f"{n}.mjs").write_text(program.to_javascript())
        cases.append({"name": f"./{n}.mjs", "X": [str(x) for x in np.ravel(X)]})
    text = json.dumps(cases).replace('inf"', 'Infinity"')
    (folder / "asked.json").write_text(text)
    return [
        [np.array([*map(float, part)]) for part in parts]
        for parts in json.loads(node(folder, RUN))
    ]


def node(folder, script):
    """What a script prints."""
    (folder / "run.mjs").write_text(script)
    said = subprocess.run(
        [NODE, "run.mjs"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    return said.stdout


def wrong(found, wanted, tolerance):
    """Where two arrays differ by more than a share of the second; nan equals nan."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    with np.errstate(all="ignore"):
        close = abs(found - wanted) <= tolerance * np.maximum(abs(wanted), 1e-300)
    return ~(close | (found == wanted) | (np.isnan(found) & np.isnan(wanted)))


# ---- every row of the table ----------------------------------------------------------

FIXED = [row for row in TABLE.values() if row.arity]
SPECIAL = (0.0, 1.0, -1.0, 0.5, -2.5, math.inf, -math.inf, math.nan)


def points(row):
    """Its samples, numbers from its box, and what is special, in all combinations."""
    rng = random.Random(row.name)
    inside = [[rng.uniform(*span) for span in row.box] for _ in range(20)]
    return [*row.samples, *inside, *itertools.product(SPECIAL, repeat=row.arity)]


@pytest.fixture(scope="module")
def by_row(tmp_path_factory):
    programs = [compile(lambda *x, f=row: f(*x), row.arity) for row in FIXED]
    asked = [(p, points(row)) for p, row in zip(programs, FIXED, strict=True)]
    found = answers(tmp_path_factory.mktemp("rows"), asked)
    return {row.name: each for row, each in zip(FIXED, found, strict=True)}


@needs_node
@pytest.mark.parametrize("row", FIXED, ids=lambda row: row.name)
def test_every_row_is_the_eager_engines(row, by_row):
    xs = [Value(1.0) for _ in range(row.arity)]
    with ieee():
        wanted = eager(row(*xs), xs, [], points(row))
    outputs, slopes, _ = by_row[row.name]
    slopes = slopes.reshape(len(outputs), -1)
    # The engine corrects gelu far below 0, where erfc's argument is rounded.
    digits = 3e-14 if row.name == "gelu" else 2e-15
    bad = wrong(outputs, [value for value, _, _ in wanted], digits)
    bad |= wrong(slopes[:, 0], outputs, 0)
    bad |= wrong(slopes[:, 1:], [by_x for _, by_x, _ in wanted], 1e-13).any(axis=1)
    assert not [
        (points(row)[n], outputs[n], slopes[n], wanted[n]) for n in np.flatnonzero(bad)
    ]


NARY = [row for row in TABLE.values() if not row.arity]


@needs_node
def test_rows_of_any_number_of_arguments(tmp_path):
    cases = [(row, sample) for row in NARY for sample in row.samples]
    asked = [
        (compile(lambda *x, f=row: f(*x), len(sample)), [sample])
        for row, sample in cases
    ]
    for (row, sample), (outputs, slopes, _) in zip(
        cases, answers(tmp_path, asked), strict=True
    ):
        xs = [Value(x) for x in sample]
        ((value, by_x, _),) = eager(row(*xs), xs, [], [sample])
        assert not wrong(outputs, [value], 2e-15).any(), (row, sample)
        assert not wrong(slopes, [value, *by_x], 2e-15).any(), (row, sample)


# ---- whole programs ------------------------------------------------------------------


def compared(folder, graphs):
    """The numbers of the graphs that differ by more than 1e-12 of their largest."""
    asked = [(compile(out, xs, ws), batch) for out, xs, ws, batch in graphs]
    bad = []
    for n, found in enumerate(answers(folder, asked)):
        output, xs, ws, batch = graphs[n]
        rows = eager(output, xs, ws, batch)
        values = np.array([[value, *by_x] for value, by_x, _ in rows])
        values = values.reshape(len(batch), 1 + len(xs))
        with np.errstate(all="ignore"):
            mean = np.array([[v, *by_w] for v, _, by_w in rows] or [[math.nan]])
            wanted = [values[:, 0], values, mean.mean(axis=0)]
        if not batch:
            wanted[2] = np.full(1 + len(ws), math.nan)
        if any(map(far, found, wanted)):
            bad.append(n)
    return bad


def far(found, wanted):
    found = found.reshape(wanted.shape)
    scale = np.nanmax(abs(wanted), initial=1.0, where=np.isfinite(wanted))
    with np.errstate(all="ignore"):
        close = abs(found - wanted) <= 1e-12 * scale
    return not (close | (found == wanted) | (np.isnan(found) & np.isnan(wanted))).all()


def layered_graphs(seeds):
    for seed in seeds:
        output, xs, ws = layered(seed)
        rng = random.Random(seed)
        batch = [[rng.uniform(-1, 1) for _ in xs] for _ in range(seed % 4)]
        yield output, xs, ws, batch


@needs_node
def test_layered_programs(tmp_path):
    assert not compared(tmp_path, [*layered_graphs(range(12))])


@needs_node
def test_random_graphs(tmp_path):
    assert not compared(tmp_path, [example(seed, seed % 4) for seed in range(18)])


@needs_node
@pytest.mark.slow
def test_five_hundred_programs(tmp_path):
    random_graphs = [example(seed, seed % 4) for seed in range(18, 268)]
    layers = [*layered_graphs(range(12, 262))]
    assert not compared(tmp_path, [*random_graphs, *layers])


@needs_node
def test_what_a_caller_meets(tmp_path):
    """Names that mean something in JavaScript, no inputs, several outputs, errors."""
    names = ["X", "let", "Math", "outputs", "t1", "x²", "await[0]", "await[1]", "sum"]
    ws = [Value(0.1 * n, name) for n, name in enumerate(names)]

    def several(x, y):
        return [[tanh(w * x + y) for w in ws], [w * y for w in ws]]

    asked = [
        (compile(lambda: sum(ws) ** 2, 0, ws), [[]]),
        (compile(several, 2, ws), [[0.5, 2.0], [1.0, -1.0]]),
        (compile(lambda x: 2 * x, 1), [[0.5]]),
        (compile(lambda x: [ws[3], x], 1, ws), [[0.5], [1.5]]),
    ]
    found = answers(tmp_path, asked)
    total = 0.1 * 36
    assert not wrong(found[0][2], [total**2, *[2 * total] * 9], 1e-14).any()
    assert not wrong(found[1][0], asked[1][0](asked[1][1]).ravel(), 1e-14).any()
    assert found[2][0].tolist() == [1.0]
    assert found[3][0].tolist() == [ws[3].data, 0.5, ws[3].data, 1.5]
    assert [len(part) for part in found[1]] == [36, 0]

    said = node(
        tmp_path,
        """import { program, valueAndGrad, PARAMETERS } from "./0.mjs";
        const told = (f) => { try { f(); } catch (error) { return error.message; } };
        const before = [...PARAMETERS];
        const [one, two] = [valueAndGrad([]), valueAndGrad([])];
        import * as other from "./1.mjs";
        console.log(JSON.stringify([
          told(() => program([], [1])), told(() => other.program([1, 2, 3])),
          one.value === two.value && one.gradient !== two.gradient,
          before.every((x, n) => x === PARAMETERS[n]), Object.keys(other),
        ]));""",
    )
    assert json.loads(said) == [
        "got 1 parameters, need 9",
        "X has 3 numbers; a row takes 2",
        True,
        True,
        ["PARAMETERS", "program"],
    ]


# ---- the text ------------------------------------------------------------------------


def test_the_text_is_what_someone_would_have_written():
    w = [Value(0.5, "w1"), Value(-0.25, "w2")]
    b = Value(0.1, "b")
    program = compile(lambda x, y: tanh(w[0] * x + w[1] * y + b), 2, [*w, b])
    text = program.to_javascript()
    part = text[text.index("/** The outputs") : text.index("\n/** The mean")]
    assert part == (
        """/** The outputs for every row. */
export const program = (() => {
  const z = new Float64Array(1);
  const scratch$1 = new Float64Array(1);
  const a = new Float64Array(1);
  const each$1 = (X, at, parameters) => {
    {
      let sum = 0;
      for (let k = 0; k < 2; k++) {
        sum += parameters[k] * X[at + k];
      }
      scratch$1[0] = sum;
    }
    z[0] = scratch$1[0] + parameters[2];
    a[0] = Math.tanh(z[0]);
  };
  return (X, parameters = PARAMETERS) => {
    const rows = counted(X, 2, parameters, 3);
    const outputs = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      const at = row * 2;
      each$1(X, at, parameters);
      outputs[row] = a[0];
    }
    return outputs;
  };
})();
"""
    )


def test_every_form_of_the_table_is_written():
    for row in FIXED:
        text = statement(row.name, ["x", "y", "z"][: row.arity], JAVASCRIPT)
        assert "np." not in text
        for name in re.findall(r"np\.(\w+)\(", form(row.name)):
            assert name == "where" or f"{MATH[name]}(" in text


def test_no_program_is_written_of_what_has_no_form():
    own = operation(lambda x: math.lgamma(x), partials=(lambda x, out: x,))
    with pytest.raises(CompileError):
        compile(lambda x: own(x), 1).to_javascript()


def test_the_parameters_are_those_of_now():
    w = Value(2.0, "w")
    program = compile(lambda x: w * x, 1, [w])
    w.data = -0.5
    assert "PARAMETERS = Float64Array.of((-0.5));" in program.to_javascript()


def test_a_long_program_is_in_functions_of_some_length():
    model = MLP(4, [6] * 12 + [1], activation="gelu", seed=0)
    text = compile(lambda *x: model(x) ** 2, 4, model.parameters()).to_javascript()
    assert "each$2(X, at, parameters);" in text
