"""What chapters of the book promise, beyond that their code runs (`test_docs.py`)."""

from __future__ import annotations

import doctest
import math
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS / "hooks"))

import alive  # noqa: E402
import cells  # noqa: E402

import autograd  # noqa: E402


def code(page: str, has: str) -> str:
    """The one block of a page that has these words."""
    (found,) = [
        cell.body
        for cell in cells.cells((DOCS / page).read_text(encoding="utf-8"))
        if cell.language == "python" and has in cell.body
    ]
    return found


# ---- build it yourself ---------------------------------------------------------------

ENGINE = code("build-it-yourself.md", "__rtruediv__")


@pytest.fixture(scope="module")
def built() -> Any:
    """The class that the chapter ends with."""
    namespace: dict[str, Any] = {}
    exec(ENGINE, namespace)
    return namespace["Value"]


def test_the_engine_has_sixty_lines():
    lines = [line for line in ENGINE.splitlines() if line.strip()]
    code = [line for line in lines if '"""' not in line and line != "import math"]
    assert len(code) <= 60


@pytest.mark.parametrize("engine", ["the reader's", "ours"])
def test_the_chapters_tests_pass(built, engine):
    page = code("build-it-yourself.md", "def check(Value):")
    namespace: dict[str, Any] = {}
    exec(page.removesuffix("check(Value)\n"), namespace)
    namespace["check"](built if engine == "the reader's" else autograd.Value)


STEPS = [
    lambda x, y, c: x + y,
    lambda x, y, c: x - y,
    lambda x, y, c: x * y,
    lambda x, y, c: x / (y * y + 1),
    lambda x, y, c: -x,
    lambda x, y, c: c + x,
    lambda x, y, c: c - x,
    lambda x, y, c: c * x,
    lambda x, y, c: c / (x * x + 1),
    lambda x, y, c: x / 3,
    lambda x, y, c: x**2,
    lambda x, y, c: x**3,
    lambda x, y, c: x.sigmoid(),
    lambda x, y, c: x.relu(),
    lambda x, y, c: (-(x * x)).exp(),
    lambda x, y, c: (x * x + 1).log(),
]
"""All that the engine can do, where it is defined for any numbers."""


def grown(rng: random.Random, nodes: list[Any]) -> Any:
    """A random expression over these nodes."""
    nodes = list(nodes)
    for _ in range(rng.randint(1, 30)):
        step, x, y = rng.choice(STEPS), rng.choice(nodes), rng.choice(nodes)
        nodes.append(step(x, y, rng.uniform(-2, 2)))
    return nodes[-1].sigmoid()


@pytest.mark.parametrize("seed", range(200))
def test_its_gradients_are_ours_bit_for_bit(built, seed):
    def gradients(value):
        rng = random.Random(seed)
        leaves = [value(rng.uniform(-2, 2)) for _ in range(3)]
        out = grown(rng, leaves)
        out.backward()
        return [out.data, *(leaf.grad for leaf in leaves)]

    assert gradients(built) == gradients(autograd.Value)


# ---- exercises -----------------------------------------------------------------------

ANSWER = '<details markdown="1"><summary>Answer</summary>'
CHAPTERS = [
    "index",
    "backpropagation",
    "build-it-yourself",
    "why-backwards",
    "gradient-check",
    "pictures",
    "matrices",
    "training",
    "overfitting",
    "vanishing",
    "tables",
    "sequences",
    "gpt",
    "microgpt",
    "second-derivatives",
    "own-operations",
    "fast-programs",
]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_chapter_has_exercises_with_hidden_answers(chapter):
    page = (DOCS / f"{chapter}.md").read_text(encoding="utf-8")
    exercises = page[page.index("## Exercises") :]
    numbers = re.findall(r"^(\d+)\. ", exercises, re.MULTILINE)
    assert [int(n) for n in numbers] == [*range(1, len(numbers) + 1)]
    assert len(numbers) == exercises.count(ANSWER) == exercises.count("</details>") > 1


def test_there_are_forty():
    pages = [(DOCS / f"{name}.md").read_text(encoding="utf-8") for name in CHAPTERS]
    assert sum(page.count(ANSWER) for page in pages) >= 40


EXERCISES = [
    exercise
    for name in CHAPTERS
    for exercise in re.split(
        r"(?m)^(?=\d+\. )",
        (DOCS / f"{name}.md").read_text("utf-8").split("## Exercises")[1],
    )[1:]
]


def test_a_page_checks_at_most_one_number_for_each_exercise():
    counts = [exercise.count("`{answer} ") for exercise in EXERCISES]
    assert max(counts) == 1
    assert sum(counts) >= 18
    assert all(
        exercise.index(ANSWER) < exercise.index("`{answer} ")
        for exercise, count in zip(EXERCISES, counts, strict=True)
        if count
    )


def test_who_asks_how_many_can_be_checked():
    """Unless the answer is a formula, for n of something."""
    for exercise in EXERCISES:
        question = exercise.split(ANSWER)[0]
        if re.search(r"[Hh]ow (many|much)", question) and " n " not in question:
            assert "`{answer} " in exercise, question


# ---- pictures that can be changed ----------------------------------------------------


@pytest.mark.parametrize("seed", range(50))
def test_a_graph_is_a_text_with_the_same_value_and_gradients(seed):
    rng = random.Random(seed)
    leaves = [autograd.Value(rng.uniform(-2, 2), f"W1[{i},2]") for i in range(3)]
    out = grown(rng, leaves)
    query = alive.of_expression(out)
    if query is None:
        assert len(autograd.topological_order(out)) > 25  # and written out far longer
        return
    named = [part.rsplit(":", 1) for part in query["values"].split(",")]
    again = {name: autograd.Value(float(number), name) for name, number in named}
    found = autograd.parse(query["expression"], **again)
    out.backward()
    found.backward()
    assert math.isclose(found.data, out.data, rel_tol=1e-12)
    for leaf in leaves:
        copy = again.get(leaf.label.replace("[", "_").replace(",", "_")[:-1])
        slope = 0.0 if copy is None else copy.grad
        assert math.isclose(slope, leaf.grad, rel_tol=1e-9, abs_tol=1e-12)


def test_what_no_text_can_say_has_no_way_to_the_playground():
    x = autograd.Value(2.0, "x")
    twins = autograd.Value(1.0, "b[1]") * autograd.Value(3.0, "b(1)")
    own = autograd.operation(lambda x: x + 1.0)(x)
    nameless = autograd.Value(2.0) + 1.0
    long, program = sum(x * i for i in range(500)), autograd.compile(x * x, [x])
    for value in (twins, own, nameless, long, program):
        assert alive.of_expression(value) is None


def test_ways_to_the_playground():
    assert doctest.testmod(alive).attempted
    assert not doctest.testmod(alive).failed


# ---- numerals in prose ---------------------------------------------------------------

CHOSEN = {
    "backpropagation.md": "0.854 0.1 50.01 0.001",  # the notes' slip, and settings
    "build-it-yourself.md": "0.5",
    "engine.md": "1.0 120 96 3.11 1.2 3.0",  # tests/test_value.py; the README's run
    "fast-programs.md": "238.94212918 0.00055015643181 2.7070075241 0.0000072668688436 "
    "6.0 1.5e-15 3e-15 2e-13 10000 754 100 "  # certified; measured
    "200 2000 3.14",  # LONG: test_repeats.py
    "gpt.md": "2003",
    "index.md": "3.11",
    "matrices.md": "784 50",
    "microgpt.md": "4192",
    "overfitting.md": "90%",
    "pictures.md": "1.5 150",  # READABLE: tests/test_docs.py
    "own-operations.md": "0.3",
    "second-derivatives.md": "2.5 1.3 0.5 0.001 1e-10",
    "sequences.md": "2795 3.2 1500",  # words: tests/test_docs.py
    "tables.md": "007 5% 1,234 2.1 3.1 0.4 230 710 0.8 2.5 0.2 0.3 182",  # measured
    "teaching.md": "0.01 0.5 0.52",
    "vanishing.md": "0.1 0.01",
}
"""Numerals that no run gives: what a page chose, quotes, or measured elsewhere."""
NOT_PROSE = re.compile(
    r"`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$|\]\([^)]*\)|<[^>]*>|\(\d+(, \d*)+\)", re.DOTALL
)
MEASURED = re.compile(
    r"<!-- measured by `python benchmarks/(\S+).*?` -->\n\n(?:\|.*\n)+"
)
"""A table whose numbers a benchmark has printed, with its command."""
NUMERAL = re.compile(r"(?<![\w.])\d+(?:[ ,]\d{3})*(?:\.\d+)?(?:e-?\d+)?(?: ?%)?")
GENERATED = ("derivatives.md", "errors.md", "from-micrograd.md", "glossary.md")


@pytest.mark.parametrize("page", sorted(p.name for p in DOCS.glob("*.md")))
def test_numerals_in_prose_come_from_a_run(page):
    """All but small whole numbers, which count what is on the page."""
    if page in GENERATED:
        return
    pieces = cells.cells((DOCS / page).read_text(encoding="utf-8"))
    text = "".join(cell.body for cell in pieces if not cell.info)
    prose = NOT_PROSE.sub(" ", MEASURED.sub(" ", text))
    found = {match.strip(" ,").replace(" ", "") for match in NUMERAL.findall(prose)}
    typed = {numeral for numeral in found if not re.fullmatch(r"\d\d?", numeral)}
    chosen = {n for n in CHOSEN.get(page, "").split() if not re.fullmatch(r"\d\d?", n)}
    benchmarks = DOCS.parent / "benchmarks"
    assert all((benchmarks / name).exists() for name in MEASURED.findall(text))
    assert typed <= chosen, "write `{python} ...` in their place, or say why not"
    assert chosen <= typed, "these are not on the page any more"
