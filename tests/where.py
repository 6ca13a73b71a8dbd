"""Where each module is tested: the map of the tests.

A module is tested in `test_` and its name, `nn.losses` in `test_losses.py`; or else in
what `ELSEWHERE` says, the nearest tests first. `test_house.py` holds it true, and
`mutate.py` reads it.

    python tests/where.py autograd nn    the test files of these packages
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

ELSEWHERE = {
    "autograd": "value alone engines",
    "autograd.collector": "compile training",
    "autograd.compiler": "compile",
    "autograd.compiler.array_text": "matrices backends program",
    "autograd.compiler.arrays": "program",
    "autograd.compiler.chains": "matrices compile",
    "autograd.compiler.chance": "compile",
    "autograd.compiler.export": "program crossings matrices masks",
    "autograd.compiler.gates": "masks",
    "autograd.compiler.instructions": "compile program",
    "autograd.compiler.llvm": "backends",
    "autograd.compiler.llvm.backend": "backends program",
    "autograd.compiler.llvm.chunks": "backends compile",
    "autograd.compiler.llvm.expansions": "backends compile",
    "autograd.compiler.llvm.factors": "backends program",
    "autograd.compiler.llvm.layout": "backends descent compile",
    "autograd.compiler.llvm.loops": "matrices backends",
    "autograd.compiler.llvm.module": "backends descent compiled_training",
    "autograd.compiler.llvm.operations": "backends compile",
    "autograd.compiler.llvm.packs": "repeats",
    "autograd.compiler.llvm.products": "matrices backends",
    "autograd.compiler.llvm.rows": "matrices backends",
    "autograd.compiler.llvm.text": "backends compile",
    "autograd.compiler.llvm.tiles": "matrices backends",
    "autograd.compiler.llvm.turns": "repeats",
    "autograd.compiler.llvm.vector_math": "backends",
    "autograd.compiler.loop_text": "javascript c_source",
    "autograd.compiler.mathematics": "worked_example program",
    "autograd.compiler.matrices": "matrices worked_example",
    "autograd.compiler.names": "program",
    "autograd.compiler.numpy_backend": "compile program backends",
    "autograd.compiler.passes": "compile program backends random_graphs",
    "autograd.compiler.places": "masks compile",
    "autograd.compiler.prepared": "program",
    "autograd.compiler.recording": "compile crossings advice",
    "autograd.compiler.rules": "crossings compile masks",
    "autograd.compiler.steps": "matrices",
    "autograd.compiler.storage": "program crossings",
    "autograd.custom": "ops crossings compile",
    "autograd.family": "micrograd value advice",
    "autograd.habits": "expression",
    "autograd.hints": "value",
    "autograd.installed": "build",
    "autograd.listing": "hints",
    "autograd.micrograd.engine": "micrograd",
    "autograd.micrograd.nn": "micrograd",
    "autograd.numeric": "value numpy",
    "autograd.functional": "functional nesting",
    "autograd.operation": "ops",
    "autograd.ops": "ops digits masks selecting",
    "autograd.source": "compile docs",
    "autograd.ufuncs": "numpy",
    "autograd.value": "value ops numpy micrograd engines compile",
    "autograd.wrapping": "modes",
    "nn": "module training",
    "nn.attention": "attention module",
    "nn.calls": "layers module",
    "nn.choices": "units recipe training",
    "nn.compiled": "compiled_training training",
    "nn.engine": "training compiled_training",
    "nn.evidence": "diagnose ways_to_fail",
    "nn.history": "history training display",
    "nn.convolution": "convolution module",
    "nn.recurrent": "recurrent module",
    "nn.encoding": "encoding columns",
    "nn.goal": "goal columns",
    "nn.table": "columns",
    "nn.heading": "reading",
    "nn.kinds": "checkpoint",
    "nn.rows": "reading",
    "nn.targets": "targets training compiled_training",
    "nn.tasks": "training targets",
    "nn.utf8": "reading",
    "nn.watch": "watch units",
    "viz": "draw",
    "viz.boxes": "text",
    "viz.cli": "cli_explain cli_train",
    "viz.loss": "explain text stepper",
    "viz.digits": "draw",
    "viz.explain": "explain text",
    "viz.figure": "plots stepper",
    "viz.fold": "pictures draw layers network",
    "viz.graph": "pictures draw",
    "viz.layers": "text network worked_example",
    "viz.network": "pictures network",
    "viz.notation": "explain",
    "viz.pages": "stepper",
    "viz.pages.bundle": "export stepper",
    "viz.play": "playground",
    "viz.play.calls": "playground",
    "viz.play.chart": "playground",
    "viz.play.desk": "playground playground_browser",
    "viz.play.expression": "playground",
    "viz.play.files": "playground",
    "viz.play.folding": "playground playground_browser",
    "viz.play.lab": "lab playground_browser",
    "viz.play.lab_files": "lab",
    "viz.play.mathml": "playground",
    "viz.play.points": "lab",
    "viz.play.words": "lab playground_browser",
    "viz.play.server": "playground playground_browser",
    "viz.render": "render pictures",
    "viz.stepper": "pictures stepper",
    "viz.style": "style pictures draw",
    "viz.train": "train cli_train",
}
"""By module, the names of its test modules, where they are not its own."""

WHOLE = [
    "benchmarks",
    "book",
    "broken_llvmlite",
    "built_book",
    "conftest",
    "contributing",
    "examples",
    "gallery",
    "gradbench",
    "house",
    "microgpt",
    "project",
    "shells",
    "stepper_browser",
    "views",
]
"""Test modules of no one module: of whole programs, the book, the project."""


def where_tested(module: str) -> list[str]:
    """The test files of a module, by their paths from the root.

    >>> where_tested("nn.losses"), where_tested("viz.boxes")
    (['tests/test_losses.py'], ['tests/test_text.py'])
    """
    names = ELSEWHERE.get(module, module.split(".")[-1])
    return [f"tests/test_{name}.py" for name in names.split()]


def sources(package: str) -> dict[str, Path]:
    """The files of a package by the names of their modules, itself the first.

    >>> list(sources("nn"))[:3]
    ['nn', 'nn.calls', 'nn.checkpoint']
    """
    paths = sorted((ROOT / package).rglob("*.py"))
    parts = [path.relative_to(ROOT).with_suffix("").parts for path in paths]
    names = [".".join(part).removesuffix(".__init__") for part in parts]
    return dict(zip(names, paths, strict=True))


if __name__ == "__main__":
    names = [name for package in sys.argv[1:] for name in sources(package)]
    print(*sorted({path for name in names for path in where_tested(name)}))
