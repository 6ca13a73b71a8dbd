"""The book: its code runs, and what it shows is what came out."""

from __future__ import annotations

import doctest
import importlib.util
import math
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "hooks"))

import cells  # noqa: E402
import notebooks  # noqa: E402
import readme  # noqa: E402

import autograd  # noqa: E402
import nn  # noqa: E402
import viz  # noqa: E402
from autograd.ops import TABLE  # noqa: E402
from viz.graph import READABLE  # noqa: E402

PAGES = [
    "README.md",
    *sorted(str(p.relative_to(ROOT)) for p in DOCS.rglob("*.md")),
]
LANGUAGES = {"python", "console", "text", "sh"}


def _text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def _run(page: str) -> list[cells.Cell]:
    return cells.run(_text(page), page)


# ---- what blocks mean ----------------------------------------------------------------


def test_a_page_in_pieces():
    page = "# A\n\n```python\nx = 2\nprint(x)\nx + 1\n```\n\nsum `{python} x + 5`.\n"
    heading, code, prose = cells.run(page)
    assert heading.body == "# A\n\n"
    assert [(r.kind, r.text) for r in code.results] == [("text", "2"), ("text", "3")]
    assert prose.body == "\nsum 7.\n"


def test_a_block_that_has_to_raise():
    (cell,) = cells.run("```python raises\n1 / 0\n```\n")
    assert cell.text == "ZeroDivisionError: division by zero"
    with pytest.raises(RuntimeError, match="has to raise"):
        cells.run("```python raises\n1 / 1\n```\n")


def test_a_block_that_fails_stops_the_page():
    with pytest.raises(ZeroDivisionError):
        cells.run("```python\n1 / 0\n```\n")
    with pytest.raises(RuntimeError, match="there is no verb nothing"):
        cells.run("```console\n$ chainrule nothing\n```\n")


def test_what_a_picture_is_of_unless_it_is_an_exercise():
    start = "```python\nfrom autograd import Value\nfrom viz import draw\n"
    start += "x = Value(2.0)\ny = x * x\n"
    for call, about in (("draw(y)", "draw"), ("draw(y, blank=True)", None)):
        (cell,) = cells.run(f"{start}{call}\n```\n")
        assert (cell.results[0].about or (None,))[0] == about


def test_an_answer_is_marked_and_a_notebook_has_it_plain():
    (cell,) = cells.run("It is `{answer} 1 + 1`.\n")
    assert cell.body == 'It is <data class="answer" value="2">2</data>.\n'
    (piece,) = notebooks.notebook([cell])["cells"]
    assert piece["source"] == ["It is 2."]


def test_written_output_and_examples():
    (cell,) = cells.run("```python\nprint(1)\n```\n\n```text\n2\n```\n")
    assert (cell.text, cell.written) == ("1", "2")
    with pytest.raises(AssertionError, match="Expected"):
        cells.run("```python\n>>> 1 + 1\n3\n```\n")


# ---- the pages -----------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_code_runs_and_written_output_is_what_came_out(page: str):
    for cell in _run(page):
        if cell.written is not None:
            assert cell.text == cell.written, f"{page}:\n{cell.body}"


@pytest.mark.parametrize("page", PAGES)
def test_no_block_is_left_unread(page: str):
    for cell in cells.cells(_text(page)):
        assert not cell.info or cell.language in LANGUAGES, f"{page}: {cell.info}"
        assert set(cell.options) <= {"hide", "raises", "torch"}, f"{page}: {cell.info}"


def test_the_same_page_gives_the_same_bytes():
    page = "docs/pictures.md"
    assert cells.run(_text(page), page) == _run(page)


def test_pages_mention_only_pages_that_are_there():
    for page in PAGES:
        for link in re.findall(r"\]\((?!https?:)([^)#\s]+)", _text(page)):
            assert ((ROOT / page).parent / link).exists(), f"{page} links to {link}"


SHELL = [
    line.split("  #")[0].removeprefix("$ ").strip()
    for page in PAGES
    for cell in cells.cells(_text(page))
    if cell.language == "sh"
    for line in cell.body.splitlines()
]


@pytest.mark.parametrize("command", [s for s in SHELL if s.startswith("chainrule ")])
def test_commands_are_understood(command: str):
    """Each command runs; those that train or serve have tests of their own."""
    words = command.split()
    if words[1] in ("train", "predict", "play"):
        command = f"chainrule {words[1]} --help"
    cells.run(f"```console\n$ {command}\n```\n", command)


@pytest.mark.parametrize("page", PAGES)
def test_numbers_in_comments_are_what_is_printed(page: str):
    for cell in _run(page):
        for number in re.findall(r"(?m)^print\(.*\)  # (-?\d[\d.e-]*)$", cell.body):
            assert number in cell.text.splitlines(), f"{page}: {number}"


def test_the_picture_in_the_readme_is_what_its_code_draws():
    assert "](docs/images/readme.svg)" in _text("README.md")
    written = readme.PICTURE.read_text(encoding="utf-8")
    assert written == readme.picture(), "write it anew: python docs/hooks/readme.py"


@pytest.mark.parametrize("page", PAGES)
def test_benchmarks_that_a_page_names_are_there(page: str):
    for name in re.findall(r"benchmarks/run\.py (\w+)", _text(page)):
        assert (ROOT / "benchmarks" / f"{name}.py").is_file(), f"{page}: {name}"


def test_what_the_readme_says_of_micrograd():
    engine = pytest.importorskip("micrograd.engine")
    assert "| RecursionError at 2 000 |" in _text("README.md")
    assert not hasattr(engine.Value, "log")
    deep = x = engine.Value(3.0)
    for _ in range(2000):
        deep = deep + 1.0
    with pytest.raises(RecursionError):
        deep.backward()
    y = x * x * x
    y.backward()
    x.grad = 0.0  # as its own zero_grad does, of parameters alone
    y.backward()
    assert x.grad != 27.0


def test_what_the_readme_says_of_chainrule():
    x = autograd.Value(3.0)
    y = x * x * x
    y.backward()
    y.backward()
    assert x.grad == 54.0
    with pytest.raises(ValueError, match=r"log\(p = -0\.25\) is not defined"):
        autograd.Value(-0.25, label="p").log()
    shown = str(autograd.compile(lambda a, b: a * b, inputs=2))
    assert "L = x[1] · x[2]" in shown


def test_numbers_told_in_prose():
    assert f"up to {READABLE} nodes" in _text("docs/pictures.md")
    items = len(nn.tokens.words().items)
    assert f"{items // 1000} {items % 1000:03} words" in _text("docs/sequences.md")


# ---- the worked example --------------------------------------------------------------

STAR = {
    "z1": "0.51 1.12",
    "a1": "0.6248064744684293 0.7539887164489482",
    "z2, prediction": "0.8147964671035836 0.6931306594690766",
    "loss": "0.36653675576158634",
    "deltas": "-0.3068693405309234 -0.035968668478543284 -0.0341526670251058",
    "dW2": "-0.19173395077957814 -0.2313760201844461",
    "dW1, neuron 1": "-0.03596866847854328 -0.07193733695708657",
    "dW1, neuron 2": "-0.0341526670251058 -0.0683053340502116",
    "new W1, neuron 1": "0.10359686684785434 0.20719373369570868",
    "new W1, neuron 2": "0.30341526670251057 0.4068305334050212",
    "new b1": "0.01359686684785433 0.02341526670251058",
    "new W2, b2": "0.5191733950779578 0.6231376020184446 0.08068693405309235",
    "second pass": "0.706798214548223 0.34701006464586587",
}


@pytest.mark.parametrize("part", STAR)
def test_backpropagation_shows_the_true_numbers(part: str):
    shown = "\n".join(cell.text for cell in _worked())
    numbers = [float(x) for x in re.findall(r"-?\d+\.\d+", shown)]
    for number in map(float, STAR[part].split()):
        assert any(abs(number - x) <= 1e-15 for x in numbers), f"{number!r} is missing"


def test_backpropagation_points_out_the_slip():
    told = "".join(c.body for c in _worked() if not c.info)
    (after,) = re.findall(r"study notes, which print \$z_2 = 0\.854\$(.*)", told)
    assert after
    assert "and not 0.854; exactly, it is 0.8147964671035836" in told
    assert any(c.text == "0.815" for c in _worked() if "0.625" in c.body)


def _worked() -> list[cells.Cell]:
    return _run("docs/backpropagation.md")


# ---- names side by side --------------------------------------------------------------

SETUPS = {
    "micrograd": "from micrograd.engine import Value\nfrom micrograd.nn import MLP\n"
    "a, b = Value(2.0), Value(-3.0)",
    "torch": "import torch\nimport torch.nn.functional as F\n"
    "a = torch.tensor(2.0, dtype=torch.float64).requires_grad_()\n"
    "b = torch.tensor(-3.0, dtype=torch.float64).requires_grad_()",
    "JAX": "import jax, jax.numpy as jnp\njax.config.update('jax_enable_x64', True)",
}


def _rows(library: str) -> list[tuple[str, str]]:
    section = _text("docs/from-micrograd.md").split(f"### {library}\n")[1]
    rows = re.findall(r"(?m)^\| [^|`]+ \| `([^`]+)` \| `([^`]+)` \|$", section)
    count = re.split(r"\n## |\n### ", section)[0].count("\n| ") - 2
    assert len(rows) >= count, "a row can't be read"
    return rows[:count]


PAIRS = [(lib, *row) for lib in SETUPS for row in _rows(lib)]


@pytest.mark.parametrize(("library", "theirs", "ours"), PAIRS)
def test_each_row_of_the_tables(library: str, theirs: str, ours: str):
    result = _evaluated(_preparation(), ours)
    other = {"JAX": "jax"}.get(library, library)
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed; only our column was run")
    _same(_evaluated(_preparation() + "\n" + SETUPS[library], theirs), result)


def _preparation() -> str:
    page = _text("docs/from-micrograd.md")
    (code,) = [c.body for c in cells.cells(page) if "rows = [[" in c.body]
    return code


def _evaluated(setup: str, expression: str) -> Any:
    namespace: dict[str, Any] = {}
    exec(setup, namespace)
    return eval(expression, namespace)


def _same(theirs: Any, ours: Any) -> None:
    if isinstance(ours, list | tuple):
        assert len(theirs) == len(ours)
        for x, y in zip(theirs, ours, strict=True):
            _same(x, y)
    elif isinstance(ours, float):
        assert math.isclose(theirs, ours, rel_tol=1e-12, abs_tol=1e-15)
    else:
        assert theirs == ours


# ---- the exercises -------------------------------------------------------------------


def _differentiated(W1=((0.1, 0.2), (0.3, 0.4)), W2=(0.5, 0.6), target=1.0):
    """The worked example's network, with other numbers, after `backward()`."""
    model = nn.MLP(2, [2, 1], activation="sigmoid", output_activation="sigmoid")
    state = {"layers.0.weight": W1, "layers.0.bias": (0.01, 0.02)}
    model.load_state_dict(state | {"layers.1.weight": [W2], "layers.1.bias": [0.05]})
    loss = nn.binary_cross_entropy(model([1.0, 2.0]), target)
    loss.backward()
    return model


def test_exercise_1_all_deltas_change_sign():
    one, zero = _differentiated(), _differentiated(target=0.0)
    for p, q in zip(one.parameters(), zero.parameters(), strict=True):
        assert p.grad < 0 < q.grad


def test_exercise_2_no_gradient_comes_through_weights_of_zero():
    model = _differentiated(W2=(0.0, 0.0))
    assert all(p.grad == 0 for p in model.layers[0].parameters())
    assert all(p.grad != 0 for p in model.layers[1].parameters())


def test_exercise_3_gradients_vanish():
    model = _differentiated(W1=((10, 20), (30, 40)))
    for p in model.layers[0].parameters():
        assert 0 < abs(p.grad) < 1e-15
        assert p.data - 0.1 * p.grad == p.data
    assert all(abs(p.grad) > 0.1 for p in model.layers[1].parameters())


# ---- errors --------------------------------------------------------------------------


def test_each_error_says_more_than_its_type():
    raised = [c for c in _run("docs/errors.md") if "raises" in c.options]
    assert len(raised) >= 20
    for cell in raised:
        kind, _, message = cell.text.partition(": ")
        assert re.fullmatch(r"[A-Z]\w+", kind), cell.text
        assert len(message) > 20, cell.text


# ---- notebooks -----------------------------------------------------------------------


@pytest.mark.parametrize("chapter", notebooks.CHAPTERS)
def test_a_notebook_is_its_chapter(chapter: str):
    written = (DOCS / "notebooks" / f"{chapter}.ipynb").read_text(encoding="utf-8")
    assert written == notebooks.text_of(_run(f"docs/{chapter}.md")), (
        "the notebooks are older than the pages: python docs/hooks/notebooks.py"
    )


LONG = {"training": pytest.mark.slow}  # its page runs among the others anyway


@pytest.mark.parametrize(
    "chapter",
    [pytest.param(name, marks=LONG.get(name, ())) for name in notebooks.CHAPTERS],
)
def test_a_notebook_runs(chapter: str, tmp_path: Path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    book = nbformat.read(DOCS / "notebooks" / f"{chapter}.ipynb", as_version=4)
    nbformat.validate(book)
    nbclient.NotebookClient(
        book,
        timeout=300,
        startup_timeout=300,
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    shown = [cell.outputs for cell in book.cells if cell.cell_type == "code"]
    streams = [out for outputs in shown for out in outputs if "stderr" in str(out)]
    assert any(shown)
    assert not streams, "a notebook prints nothing to stderr"


@pytest.mark.parametrize("package", [autograd, nn, viz], ids=lambda p: p.__name__)
def test_the_reference_has_every_public_name(package: ModuleType):
    page = _text(f"docs/reference/{package.__name__}.md")
    told = set(re.findall(r"(?m)^::: [\w.]*?(\w+)$", page))
    if package is autograd:
        told |= {row.name for row in TABLE.values() if ">>>" in row.__doc__}
    assert set(package.__all__) <= told


def test_mentions_of_sources_lead_to_their_lines():
    pytest.importorskip("pygments")
    import sources

    found: set[str] = set()
    text = "<code>_sweep</code> in\n<code>autograd/value.py</code>, <code>x.py</code>"
    shown = sources.linked(text, "../", found)
    (line,) = re.findall(
        r'href="\.\./source/autograd/value\.py\.html#line-(\d+)"', shown
    )
    assert "def _sweep(" in _text("autograd/value.py").splitlines()[int(line) - 1]
    assert found == {"autograd/value.py"}
    with pytest.raises(ValueError, match="mentions nothing_such in"):
        sources.line_of("autograd/value.py", "nothing_such")


def test_docstrings_as_markdown():
    pytest.importorskip("griffe")
    import docstrings

    assert doctest.testmod(docstrings).attempted
    assert not doctest.testmod(docstrings).failed
