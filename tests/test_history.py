"""History: what is told of a training, by its numbers alone."""

import contextlib
import io
import json
import re

import pytest

from nn import History
from nn.history import progress_bar, summary

FLAT = [1.0] * 5
GREW = "the loss grew, from {} to {}: a smaller lr"
FALLING = "the loss was still falling, from {} to {}: more epochs, or a larger lr"
GUESSING = "no better than guessing, whose loss is {}: see nn.diagnose"


@pytest.mark.parametrize(
    ("losses", "guess", "remarks"),
    [
        (FLAT, None, []),
        ([], None, []),
        ([1.0, 1.0, 1.0, 2.0], None, []),  # too few epochs for any of them
        ([2.0, 2.0, 2.0, 1.0], 1.0, []),
        ([1.0, 1.0, 1.0, 1.0, 2.0], None, [GREW.format(1, 2)]),
        ([1.0, 9.0, 9.0, 9.0, 1.12], None, [GREW.format(1, 1.12)]),
        ([1.0, 9.0, 9.0, 9.0, 1.08], None, [FALLING.format(9, 1.08)]),
        ([1.0, 1.0, 1.0, 1.0, 1.08], None, []),
        ([1.0, 1.0, 1.0, 1.0, 0.94], None, [FALLING.format(1, 0.94)]),
        ([1.0, 1.0, 1.0, 1.0, 0.96], None, []),
        # What counts is the last fifth.
        ([4.0, 3.0, 2.0, *FLAT, 1.0, 1.0], None, []),
        ([*FLAT, 1.0, 1.0, 1.0, 0.97, 0.94], None, [FALLING.format(1, 0.94)]),
        ([*FLAT, 1.0, 1.0, 0.9, 0.9, 0.9], None, []),
        # A small part of the loss of a guess is learned well enough.
        ([5.0, 4.0, 3.0, 2.0, 1.5], 16.0, []),
        ([5.0, 4.0, 3.0, 2.0, 1.5], 14.0, [FALLING.format(2, 1.5)]),
        (FLAT, 1.01, [GUESSING.format(1.01)]),
        (FLAT, 0.5, [GUESSING.format(0.5)]),
        (FLAT, 1.03, []),
        ([1.0] * 4 + [3.0], 1.5, [GREW.format(1, 3), GUESSING.format(1.5)]),
    ],
)
def test_remarks_are_about_the_course_of_the_loss(losses, guess, remarks):
    history = History({"loss": losses}, guess=guess)
    assert history.remarks == remarks
    assert repr(history).splitlines()[1:] == remarks


def test_it_is_told_in_a_line():
    assert repr(History()) == "History of 0 epochs"
    assert (History().seed, History().moved, History().guess) == (0, 0, None)
    one = {"loss": [0.123456], "accuracy": [1.0], "lr": [0.5]}
    told = "loss 0.1235, accuracy 1"
    assert repr(History(one)) == f"History of 1 epoch (running): {told}"
    assert repr(History(one, stopped="early")) == f"History of 1 epoch (early): {told}"
    assert repr(History(stopped="finished")) == "History of 0 epochs (finished)"


def test_the_last_numbers_are_those_of_the_weights_that_were_kept():
    columns = {"loss": [3.0, 1.0, 2.0], "lr": [0.5, 0.25, 0.125], "unknown": []}
    assert History(columns).last() == {"loss": 2.0, "lr": 0.125}
    assert History(columns, best_epoch=2).last() == {"loss": 1.0, "lr": 0.25}
    assert History(columns, best_epoch=1).last() == {"loss": 3.0, "lr": 0.5}


def test_a_column_is_an_item_and_an_attribute():
    history = History({"loss": [2.0, 1.0], "accuracy": [0.5, 1.0]})
    assert len(history) == 2
    assert history.loss is history["loss"] is history.columns["loss"]
    assert history.accuracy is history["accuracy"] is history.columns["accuracy"]
    assert {"loss", "accuracy", "last", "columns"} < {*dir(history)}
    assert dir(history) == sorted(dir(history))
    with pytest.raises(KeyError, match="history; there are: loss, accuracy"):
        history["los"]
    with pytest.raises(KeyError, match="there are: none yet"):
        History()["loss"]
    with pytest.raises(AttributeError, match="'los'; its columns are: loss, acc") as no:
        history.los
    assert (no.value.name, no.value.obj) == ("los", history)
    with pytest.raises(AttributeError, match=r"^History has no attribute 'los'$"):
        History().los


def test_epochs_are_appended_and_cut():
    history = History()
    history.extend({"loss": [3.0, 2.0], "lr": [0.5, 0.5]})
    history.extend({"loss": [1.0], "lr": [0.25]})
    assert history.columns == {"loss": [3.0, 2.0, 1.0], "lr": [0.5, 0.5, 0.25]}
    assert json.loads(json.dumps(history.columns)) == history.columns
    history.cut(2)
    assert history.columns == {"loss": [3.0, 2.0], "lr": [0.5, 0.5]}
    history.cut(0)
    assert (len(history), history.last()) == (0, {})


def test_what_was_measured_stands_in_one_order_with_as_many_digits_as_help():
    row = {"lr": 0.1, "accuracy": 0.98765, "validation_loss": 12.34567, "loss": 1e-7}
    assert summary(row) == "loss 1e-07  validation loss 12.35  accuracy 0.988"
    row = {"validation_perplexity": 3.0, "perplexity": 2.5, "error": 1 / 3}
    assert summary(row) == "error 0.3333  perplexity 2.5  validation perplexity 3"
    assert summary({"lr": 0.1}) == ""


@pytest.mark.parametrize("wanted", [True, False])
def test_a_bar_where_nobody_looks_shows_nothing(wanted, capsys):
    with progress_bar(3, 0, wanted) as show:
        show(1, {"loss": 0.5}, "told")
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("columns", [24, 40, 60, 80, 100, 200])
def test_a_bar_breaks_no_number_and_no_word(columns, monkeypatch):
    """What has no room on the line is left out, whole."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("rich._console", None)  # which knows the columns it had
    row = {"loss": 0.12345, "accuracy": 0.987}
    row |= {f"validation_{name}": number for name, number in row.items()}
    whole = f"epoch 7/12 {summary(row)}  and so [/b] on, to it left".split()
    with (
        contextlib.redirect_stdout(Terminal()) as shown,
        progress_bar(12, 3, True) as show,
    ):
        show(7, row, "and so [/b] on, to it")
    lines = re.split(r"[\r\n]", re.sub(r"\x1b\[[?\d;]*\w", "", shown.getvalue()))
    (line,) = {line.strip() for line in lines if "7/12" in line}
    assert len(line) <= columns
    words = re.sub(r"[━╸╺]+|(\d+|-):[\d-]+:[\d-]+", "", line).split()
    assert words[:3] == ["epoch", "7/12", "loss"]
    assert {*words} <= {*whole}
    assert (words == whole) == (columns == 200)
