"""The gallery notebook runs, and each of its views shows itself."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

GALLERY = Path(__file__).parent.parent / "docs" / "gallery.ipynb"


@pytest.fixture(scope="module")
def outputs():
    """What each code cell shows when the notebook is run from the top."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(GALLERY, as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return {
        cell.source: cell.outputs for cell in notebook.cells if cell.cell_type == "code"
    }


def test_every_cell_shows_one_thing_and_prints_nothing(outputs):
    for source, shown in outputs.items():
        assert [output.output_type for output in shown] == ["execute_result"], source


def test_the_pictures_are_svg(outputs):
    pictures = [
        output.data["image/svg+xml"]
        for source, shown in outputs.items()
        for output in shown
        if re.match(r"(draw|network)\(", source.split("\n")[-1])
        and ".svg" not in source
    ]
    assert len(pictures) == 9
    for picture in pictures:
        assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_other_views_show_themselves(outputs):
    kinds = {
        source.split("\n")[-1]: set(output.data)
        for source, shown in outputs.items()
        for output in shown
    }
    assert "text/latex" in kinds["explain(loss, w, globals())"]
    assert "text/html" in kinds["stepper(loss)"]
    assert "text/plain" in kinds["flow(model, [1.0, -2.0], 1.0, lr=0.1)"]


def test_nothing_shown_holds_an_address(outputs):
    for shown in outputs.values():
        for output in shown:
            assert not re.search(r"object at 0x", json.dumps(output.data))


def test_the_notebook_is_kept_without_outputs():
    for cell in json.loads(GALLERY.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
