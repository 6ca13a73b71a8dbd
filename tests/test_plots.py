"""Plots: they show the numbers they were given, and are the same from run to run."""

import io
import itertools
import re
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

import nn
import viz
from nn import MLP, History, Layer, Sequential, Snapshots, Watch, fit
from nn.data import Dataset, Scaling, blobs, moons
from nn.targets import Labels
from viz.plots import (
    animate_decision_boundary,
    plot_confusion,
    plot_decision_boundary,
    plot_history,
    plot_layers,
)

TEXT = "{http://www.w3.org/2000/svg}text"


def texts(figure):
    """All texts that a figure shows."""
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


def halfplane(threshold=0.0):
    """A model that says: right of x1 = 1 is the second class."""
    model = Sequential(Layer(2, 1, None), *(["sigmoid"] if threshold else []))
    model.load_state_dict({"0.weight": [[2.0, 0.0]], "0.bias": [-2.0]})
    return model


CORNERS = [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]]

# ---- curves --------------------------------------------------------------------------


def test_history_shows_every_measurement_and_the_validation():
    columns = {
        "loss": [0.9, 0.5, 0.3],
        "accuracy": [0.5, 0.75, 1.0],
        "gradient_norm": [1.0, 1.0, 1.0],
        "lr": [0.1, 0.1, 0.1],
        "validation_loss": [1.0, 0.8, 0.85],
        "validation_accuracy": [0.5, 0.5, 0.75],
    }
    figure = plot_history(History(columns, best_epoch=2))
    left, right = figure.axes
    assert (left.get_title("left"), right.get_title("left")) == ("loss", "accuracy")
    training, validation, best = left.lines
    assert training.get_ydata().tolist() == columns["loss"]
    assert validation.get_ydata().tolist() == columns["validation_loss"]
    assert list(training.get_xdata()) == [1, 2, 3]
    assert best.get_xdata() == [2, 2]
    styles = [line.get_linestyle() for line in left.lines]
    assert len(set(styles)) == 3  # told apart without color
    assert {"training", "validation", "best epoch (2)"} <= set(texts(figure))


def test_history_of_one_epoch_shows_a_point():
    figure = plot_history(History({"loss": [0.5], "error": [0.25]}))
    assert figure.axes[0].lines[0].get_marker() == "o"


def test_an_empty_history():
    with pytest.raises(ValueError, match="no epochs yet"):
        plot_history(History())


# ---- the plane -----------------------------------------------------------------------


def boundary_lines(figure):
    """The points of the black lines in a picture of the plane."""
    from matplotlib.contour import ContourSet

    return [
        point
        for contours in figure.findobj(ContourSet)
        if not contours.filled
        for path in contours.get_paths()
        for point in path.vertices.tolist()
    ]


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_the_boundary_is_where_the_model_changes_its_mind(threshold):
    figure = plot_decision_boundary(halfplane(threshold), CORNERS, [0, 1, 0, 1])
    lines = boundary_lines(figure)
    assert len(lines) > 10
    assert all(x == pytest.approx(1.0, abs=1e-9) for x, _ in lines)
    assert {"x1", "x2", "decision boundary", "class", "0", "1"} <= set(texts(figure))


def test_a_set_is_shown_with_the_names_of_its_columns():
    table = Dataset(CORNERS, [0, 1, 0, 1], ("width", "height"))
    figure = plot_decision_boundary(halfplane(0.0), table)
    assert {"width", "height", "0", "1"} <= set(texts(figure))
    assert boundary_lines(figure) == boundary_lines(
        plot_decision_boundary(halfplane(0.0), *table)
    )
    with pytest.raises(TypeError, match="y is missing"):
        plot_decision_boundary(halfplane(0.0), CORNERS)


def test_inputs_are_shown_unscaled():
    scaling = Scaling((1.0, 1.0), (0.5, 1.0))  # boundary at (x - 1) / 0.5 = 1
    figure = plot_decision_boundary(
        halfplane(), CORNERS, ["no", "yes"] * 2, scaling=scaling, features=("a", "b")
    )
    lines = boundary_lines(figure)
    assert all(x == pytest.approx(1.5, abs=1e-9) for x, _ in lines)
    assert {"a", "b", "no", "yes"} <= set(texts(figure))


def test_three_classes_meet_where_two_outputs_are_equal():
    model = Layer(2, 3, None)
    weights = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]
    model.load_state_dict({"weight": weights, "bias": [0.0, 0.0, 0.0]})
    X = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]
    figure = plot_decision_boundary(model, X, [0, 1, 2], resolution=60)
    lines = np.array(boundary_lines(figure))
    outputs = np.sort(lines @ np.array(weights).T, axis=1)
    assert len(lines) > 30
    np.testing.assert_allclose(outputs[:, 2], outputs[:, 1], atol=0.05)


def test_every_class_has_a_marker_and_its_own_points():
    X, y = blobs(rows=40, classes=4)
    figure = plot_decision_boundary(MLP(2, [4, 4], seed=0), X, y, resolution=20)
    drawn = figure.axes[0].collections
    shown = [s for s in drawn if s.get_label() in ("0", "1", "2", "3")]
    assert [len(s.get_offsets()) for s in shown] == [10] * 4
    outlines = {s.get_paths()[0].vertices.tobytes() for s in shown}
    colors = {tuple(s.get_facecolor()[0]) for s in shown}
    assert len(outlines) == len(colors) == 4


def test_a_number_is_shown_as_contours():
    model = Layer(2, 1, None, seed=0)
    figure = plot_decision_boundary(model, CORNERS, [0.5, 1.5, 2.5, 3.75], resolution=9)
    assert "output" in texts(figure)


def test_a_model_that_is_sure_everywhere_has_no_boundary():
    model = Layer(2, 1, None)
    model.load_state_dict({"weight": [[0.0, 0.0]], "bias": [5.0]})
    figure = plot_decision_boundary(model, CORNERS, [0, 1, 1, 0])
    assert boundary_lines(figure) == []


def test_more_than_two_inputs():
    with pytest.raises(ValueError, match="two inputs; this table has 3 columns"):
        plot_decision_boundary(MLP(3, [1]), [[1, 2, 3]], [0])


# ---- confusion, layers ---------------------------------------------------------------


def test_confusion():
    figure = plot_confusion(["cat", "cat", "dog", "emu"], ["cat", "dog", "dog", "cat"])
    shown = texts(figure)
    assert [t for t in shown if t.isdigit()] == list("110010100"[:9])
    assert {"cat", "dog", "emu", "true", "predicted"} <= set(shown)


def test_a_line_for_each_layer_shows_its_medians():
    watch = Watch()
    model = MLP(2, [4, 4, 1], activation="sigmoid", seed=0)
    fit(model, *moons(rows=40), epochs=3, callbacks=[watch])
    figure = plot_layers(watch)
    left, right = figure.axes
    assert len(left.lines) == 3
    assert len(right.lines) == 3
    first = left.lines[0].get_ydata().tolist()
    assert first == [row[2] for row in watch.gradients["layers.0.weight"]]
    last = left.lines[2].get_ydata().tolist()
    assert np.mean(first) < 0.5 * np.mean(last)  # sigmoids: the slopes vanish
    assert left.get_ylim()[0] > 0
    rgb = [line.get_color()[:3] for line in left.lines]
    assert [sum(c) for c in rgb] == sorted(sum(c) for c in rgb)  # from dark to light
    with pytest.raises(ValueError, match="nothing was watched"):
        plot_layers(Watch())


def test_layers_whose_gradients_are_often_0():
    rows = [[0.0, 0.0, 0.5, 1.0, 2.0], [0.0, 0.0, 0.25, 1.0, 2.0]]
    watch = Watch()
    watch.gradients = {"a.weight": rows, "b.weight": [[0.0] * 5] * 2}
    watch.activations = {"a": rows, "b": rows}
    figure = plot_layers(watch)
    assert figure.axes[0].get_ylim()[0] == pytest.approx(0.25 / 3)


# ---- the GIF -------------------------------------------------------------------------


def test_snapshots_become_a_gif_with_a_frame_each(tmp_path):
    X, y = moons(rows=30)
    model, snapshots = MLP(2, [4, 1], seed=0), Snapshots()
    snapshots.keep(0, model)
    fit(model, X, y, epochs=3, callbacks=[snapshots], optimizer=nn.Adam(lr=0.1))
    before = model.state_dict()
    for name in ("a.gif", "b.gif"):
        path = tmp_path / name
        animate_decision_boundary(model, snapshots, X, y, path, resolution=15)
    assert model.state_dict() == before
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 4
        frames = []
        for i in range(4):
            image.seek(i)
            frames.append(image.convert("RGB").tobytes())
        assert len(set(frames)) == 4
        assert image.info["duration"] == 2000
    slow = tmp_path / "slow.gif"
    options = {"resolution": 15, "seconds_per_frame": 0.5}
    animate_decision_boundary(model, snapshots, X, y, slow, **options)
    durations = []
    for path in (tmp_path / "a.gif", slow):
        with Image.open(path) as image:
            image.seek(1)
            durations.append(image.info["duration"])
    assert durations == [150, 500]


# ---- files ---------------------------------------------------------------------------

HOSTILE = '<script>alert("x")</script> $\\frac{a}{b}$ {|}\n%s & é'


def test_labels_are_text_never_markup():
    labels = Labels((HOSTILE, "b"))
    figure = plot_decision_boundary(
        halfplane(), CORNERS, [HOSTILE, "b"] * 2, labels=labels, features=(HOSTILE, "x")
    )
    svg = figure.as_bytes("svg").decode()
    tags = {element.tag.split("}")[1] for element in ElementTree.fromstring(svg).iter()}
    assert "script" not in tags
    assert HOSTILE in texts(figure)
    confusion = plot_confusion([HOSTILE, "b" * 10_000], ["b" * 10_000, HOSTILE])
    ElementTree.fromstring(confusion.as_bytes("svg"))


def test_a_figure_is_written_as_the_ending_says(tmp_path):
    figure = plot_history(History({"loss": [0.5, 0.25]}))
    for name in ("a.svg", "a.png", "a.pdf"):
        figure.save(tmp_path / name)
    ElementTree.parse(tmp_path / "a.svg")
    with Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())) as image:
        assert min(image.size) > 400
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    for name in ("a.docx", "a.dot", "a.gv", "a.gif", "a.html", "a"):
        with pytest.raises(ValueError, match=r"end the name in \.svg, \.png or \.pdf$"):
            figure.save(tmp_path / name)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "a.pdf",
        "a.png",
        "a.svg",
    ]
    assert figure._repr_svg_().startswith("<?xml")


DRAWING = """
import sys
from nn import History, MLP
from viz.plots import plot_decision_boundary, plot_history
import matplotlib
for figure in (
    plot_history(History({"loss": [0.5, 0.25], "accuracy": [0.5, 1.0]})),
    plot_decision_boundary(MLP(2, [4, 3], seed=0), [[0, 1], [1, 0], [1, 1]], [0, 1, 2]),
):
    for format in ("svg", "pdf"):
        sys.stdout.buffer.write(figure.as_bytes(format))
assert "matplotlib.pyplot" not in sys.modules
"""


def test_the_same_bytes_whatever_the_hash_seed():
    def run(seed):
        return subprocess.run(
            [sys.executable, "-c", DRAWING],
            env={"PYTHONHASHSEED": seed, "PATH": "", "HOME": "/tmp"},
            capture_output=True,
            check=True,
        ).stdout

    one, other = run("1"), run("2")
    assert len(one) > 10_000
    assert one == other
    assert not re.search(rb"20\d\d-\d\d-\d\dT", one)


# ---- sequences -----------------------------------------------------------------------


def written_in(figure):
    """The numbers and words in each panel."""
    return [[text.get_text() for text in axis.texts] for axis in figure.axes]


def test_attention_shows_each_heads_weights():
    model = nn.GPT(5, width=4, heads=2, layers=2, context=6, seed=0)
    tokens = [0, 3, 1, 4]
    figure = viz.plot_attention(model, tokens, "·abcd")
    rows = [
        [a + b for a, b in zip(x, y, strict=True)]
        for x, y in zip(model.token(tokens), model.position(range(4)), strict=True)
    ]
    expected = []
    for block in model.blocks:
        expected += block.self_attn.weights(block.norm1(rows))
        rows = block(rows)
    for shown, head in zip(written_in(figure), expected, strict=True):
        numbers = [w.data for row in head for w in row]
        assert shown == [f"{x:.2f}".removeprefix("0") for x in numbers]
        assert len(numbers) == 10  # none of what comes later
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks == ["·", "c", "a", "d"]


def test_token_losses_are_those_of_the_loss():
    model = nn.GPT(5, width=4, heads=2, layers=1, context=6, seed=0)
    tokens = [0, 3, 1, 4]
    (shown,) = written_in(viz.plot_token_losses(model, tokens))
    losses = [
        nn.cross_entropy([logits], [after]).data
        for logits, after in zip(model(tokens[:-1]), tokens[1:], strict=True)
    ]
    assert shown == [
        w for t, x in zip("314", losses, strict=True) for w in (t, f"{x:.2f}")
    ]
    with pytest.raises(ValueError, match="the first token is given"):
        viz.plot_token_losses(model, [0])


def test_an_embedding_is_seen_from_where_it_is_spread_most():
    table = nn.Embedding(4, 3, seed=0)
    for row, numbers in zip(
        table.weight, [(0, 0, 1), (9, 0, 1), (0, 4, 1), (9, 4, 1)], strict=True
    ):
        for p, number in zip(row, numbers, strict=True):
            p.data = number
    (axis,) = viz.plot_embedding(table, "abcd").axes
    points = np.array(axis.collections[0].get_offsets())
    np.testing.assert_allclose(np.ptp(points, axis=0), [9, 4])
    assert [text.get_text() for text in axis.texts] == ["a", "b", "c", "d"]
    assert axis.get_xlabel() == "84% of the spread"
    with pytest.raises(ValueError, match="two numbers"):
        viz.plot_embedding(nn.Embedding(4, 1))


@pytest.mark.parametrize("heads", [1, 2, 3, 4, 5])
def test_heads_stand_two_in_a_row_under_their_block(heads):
    model = nn.GPT(3, width=heads, heads=heads, layers=2, context=3, seed=0)
    axes = viz.plot_attention(model, [0, 1]).axes
    shown = [axis.get_title(loc="left") for axis in axes if axis.axison]
    told = [f"block {b}, head {h}" for b in (1, 2) for h in range(1, heads + 1)]
    assert shown == told
    columns = {axis.get_subplotspec().colspan.start for axis in axes}
    assert len(columns) == (heads if heads < 4 else 2)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 32, 40])
def test_long_texts_go_on_in_another_line(count):
    model = nn.GPT(3, width=2, heads=1, layers=1, context=40, seed=0)
    (axis,) = viz.plot_token_losses(model, [1] * (count + 1)).axes
    names = axis.texts[::2]
    assert len(names) == count
    assert len({round(name.get_position()[1]) for name in names}) == -(-count // 16)
    assert max(name.get_position()[0] for name in names) < 16
    assert "all equally likely: 1.099" in axis.get_title(loc="left")


@pytest.mark.parametrize("seed", range(3))
def test_no_name_of_a_token_covers_another(seed):
    table = nn.Embedding(24, 2, seed=seed)
    figure = viz.plot_embedding(table, "abcdefghijklmnopqrstuvwxyz")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    for one, other in itertools.combinations(boxes, 2):
        wide = min(one.x1, other.x1) - max(one.x0, other.x0)
        tall = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(wide, tall) < 3, (one, other)


def test_what_a_text_needs():
    model = nn.GPT(5, width=4, heads=2, layers=1, context=6, seed=0)
    with pytest.raises(TypeError, match="takes a list of tokens, got 'ab'; a text"):
        viz.plot_attention(model, "ab")
    with pytest.raises(TypeError, match="plot_attention"):
        viz.plot_attention(nn.MLP(2, [1]), [0, 1])


def test_a_trained_text_is_shown_by_its_letters(tmp_path):
    trained = nn.learn_text(
        ["ab", "ba", "abb"] * 4, width=4, heads=1, context=4, epochs=1, engine="eager"
    )
    figure = viz.plot_token_losses(trained, "ab")
    assert written_in(figure)[0][::2] == ["a", "b", "·"]
    assert len(viz.plot_embedding(trained).axes[0].texts) == 3
    longer = viz.plot_token_losses(trained, "abababab"), "abab"  # its context is 4
    assert written_in(longer[0])[0][::2] == list(longer[1])
    assert len(viz.plot_attention(trained, "abababab").axes[0].get_xticks()) == 4
    for name in ("a.svg", "b.svg"):
        viz.plot_attention(trained, "ab").save(tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_class_for_each_row_is_asked_for():
    with pytest.raises(TypeError, match=r"one class for each row.* got \['cat'\]"):
        plot_confusion(["cat"], [["cat"]])


# ---- letters that matplotlib's fonts have not ----------------------------------------


def test_letters_that_no_font_here_draws_stay_text_in_an_svg_and_are_told_elsewhere():
    figure = plot_confusion(["猫", "犬", "Katze"], ["猫", "猫", "Katze"])
    svg = figure.as_bytes("svg")
    shown = {e.text for e in ElementTree.fromstring(svg).iter(TEXT)}
    assert {"猫", "犬", "Katze"} <= shown
    assert svg == figure.as_bytes("svg")
    for form in ("png", "pdf"):
        with pytest.warns(
            UserWarning, match=f"draw a .{form} have no signs for 犬猫: "
        ):
            assert figure.as_bytes(form)
    plain = plot_confusion(["Katze", "Hund"], ["Katze", "Hund"]).as_bytes("svg")
    assert not [*ElementTree.fromstring(plain).iter(TEXT)], "as outlines"


def test_what_else_is_warned_of_while_a_figure_is_drawn_is_heard(monkeypatch):
    figure = plot_confusion(["a", "b"], ["a", "b"])
    draw = type(figure).savefig

    def noisy(self, *args, **options):
        warnings.warn("something of matplotlib's", RuntimeWarning, stacklevel=1)
        return draw(self, *args, **options)

    monkeypatch.setattr(type(figure), "savefig", noisy)
    with pytest.warns(RuntimeWarning, match="something of matplotlib's"):
        assert figure.as_bytes("png")
