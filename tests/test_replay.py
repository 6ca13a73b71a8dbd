"""Other numbers for the leaves of a stepper: run by node, against the eager engine."""

import json
import math
import random
import re
from importlib.resources import files

import pytest
from random_graphs import example
from test_javascript import needs_node, node

from autograd import Value, operation, where
from autograd.compiler.instructions import CompileError
from autograd.graph import adjoints, graph
from autograd.modes import ieee
from autograd.ops import TABLE
from nn.losses import binary_cross_entropy
from viz.digits import short
from viz.explain import Derivation
from viz.layers import loss_of, worked_example
from viz.pages.replay import is_given, replayed
from viz.stepper import Plan, stepper

pytestmark = needs_node

RUN = """
import { readFileSync } from "node:fs";
import { recomputed, short } from "./numbers.mjs";
const asked = JSON.parse(readFileSync("asked.json"));
const answers = [];
for (const { name, data, leaves } of asked) {
  const { program } = await import(name);
  const given = leaves.map(Number);
  const numbers = Array.from(program(Float64Array.from(given)), String);
  answers.push([numbers, recomputed(data, program, given)]);
}
console.log(JSON.stringify(answers));
"""


def every_row():
    """All operations of the table, each of leaves of its own, in a few graphs."""
    rows = [row for row in TABLE.values() if row.arity]
    for some in (rows[:24], rows[24:48], rows[48:]):
        leaves = [
            [Value(x, f"{row.name}{k}") for k, x in enumerate(row.samples[0])]
            for row in some
        ]
        numbers = [x for row in some for x in row.samples[-1]]
        with ieee():
            parts = [row(*xs) for row, xs in zip(some, leaves, strict=True)]
            yield sum(parts[1:], parts[0]), numbers


def cases():
    """Graphs, and other numbers for their leaves."""
    yield from every_row()
    for seed in range(5):
        output, *_ = example(seed, 0, steps=14)
        rng = random.Random(seed)
        yield output, [rng.uniform(-2, 2) for _ in given(output)]
    model, x, y = worked_example()
    loss = loss_of(model, [Value(v, f"x{i}") for i, v in enumerate(x, 1)], y)
    yield loss, [0.3 * k - 0.7 for k in range(len(given(loss)))]
    x, y, z = (Value(0.5, "x") for _ in range(3))
    yield where(x.relu(), x.log(), x.relu()) + abs(x) ** 3 + x**2, [-0.25]
    yield binary_cross_entropy([y.sigmoid()], [1.0]), [-3.0]
    yield (-z).relu() / z, [0.0]
    yield Value(2.0, "x"), [5.0]


def given(output):
    return [n.value for n in graph(output) if is_given(n)]


def plan(output):
    nodes = graph(output)
    wanted = [node.value for node in nodes if not node.value.constant]
    return Plan(Derivation(nodes, wanted), 6)


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """For each graph what node computes, and the plan of the same numbers here."""
    folder = tmp_path_factory.mktemp("replay")
    text = (files("viz") / "pages" / "numbers.js").read_text()
    (folder / "numbers.mjs").write_text(text)
    asked, wanted = [], []
    for n, (output, numbers) in enumerate(cases()):
        (folder / f"{n}.mjs").write_text(replayed(graph(output)))
        with ieee():
            made = {"name": f"./{n}.mjs", "data": plan(output).data()}
        asked.append(made | {"leaves": [str(x) for x in numbers]})
        for leaf, number in zip(given(output), numbers, strict=True):
            leaf.data = number
        with ieee():
            output.recompute()
            wanted.append((output, plan(output).data()))
    (folder / "asked.json").write_text(json.dumps(asked))
    return list(zip(json.loads(node(folder, RUN)), wanted, strict=True))


def test_every_number_is_the_eager_engines(answered):
    for (found, _), (output, _) in answered:
        nodes = graph(output)
        with ieee():
            slopes = list(adjoints(output).values())
        partials = [x for each in nodes for x in each.partials]
        wanted = [each.value.data for each in nodes] + slopes + partials
        assert [*map(float, found)] == pytest.approx(
            wanted, rel=1e-9, abs=1e-14, nan_ok=True
        )


def test_what_is_shown_is_what_python_shows(answered):
    for (_, shown), (_, wanted) in answered:
        for kind, keys in (
            ("nodes", ("value", "gradient", "bar", "contributions")),
            ("edges", ("partial", "width")),
        ):
            for found, own in zip(shown[kind], wanted[kind], strict=True):
                for key in keys:
                    assert same(found.get(key), own.get(key)), (key, found, own)


def same(one, other):
    """Texts, or numbers where the last of their digits may differ."""
    if isinstance(one, list):
        return all(map(same, one, other)) and len(one) == len(other)
    if isinstance(one, str) and one != other:
        return [*numbers_in(one)] == pytest.approx(
            [*numbers_in(other)], rel=2e-5, abs=1e-12
        )
    return one == pytest.approx(other, abs=0.011)


def numbers_in(text):
    return map(float, re.findall(r"-?[\d.]+(?:e-?\d+)?|inf|nan", text))


def test_lines_that_hold_for_all_numbers_are_those_of_python(answered):
    """First what is equal whatever the numbers, last the number itself."""
    for (_, shown), (_, wanted) in answered:
        for found, own in zip(shown["nodes"], wanted["nodes"], strict=True):
            if own["kind"] == "constant":
                continue
            for key in ("forwardLines", "backwardLines"):
                assert found[key][0] == own[key][0] or "=" in found[key][0]
                last = found[key][-1].rpartition("= ")[2]
                assert last == found["value" if key[0] == "f" else "gradient"]


def test_numbers_are_written_as_python_writes_them(tmp_path):
    text = (files("viz") / "pages" / "numbers.js").read_text()
    (tmp_path / "numbers.mjs").write_text(text)
    rng = random.Random(0)
    some = [0.0, -0.0, 1.0, 999999.0, 1e6, -1e6, 1e21, 0.001953125, 1234565.0, 0.5e-4]
    some += [math.nan, math.inf, -math.inf, 123456.5, 99999.95, 5e-324, 1.7e308]
    some += [rng.uniform(-1, 1) * 10.0 ** rng.randint(-12, 12) for _ in range(400)]
    some += [rng.randint(1, 2**20) / 2 ** rng.randint(1, 24) for _ in range(400)]
    texts = json.dumps([str(x).replace("inf", "Infinity") for x in some])
    said = node(
        tmp_path,
        f"""import {{ short }} from "./numbers.mjs";
        const all = {texts}.map(Number);
        console.log(JSON.stringify([4, 6].map((n) => all.map((x) => short(x, n)))));""",
    )
    assert json.loads(said) == [[short(x, n) for x in some] for n in (4, 6)]


def test_what_has_no_form_in_javascript_is_said():
    @operation(partials=(lambda x, out: 2.0,))
    def odd(x):
        return float(f"{x}") * 2.0

    output = odd(Value(1.0, "x"))
    with pytest.raises(CompileError, match="odd"):
        replayed(graph(output))
    assert "const program = null" in stepper(output).html
