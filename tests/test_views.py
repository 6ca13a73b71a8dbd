"""The views of one graph together: one order of operands, one name, one number."""

import cmath
import math
import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest

import viz
from autograd import AnomalyError, Value, detect_anomaly, exp, expression, mean
from autograd.graph import graph
from autograd.ops import TABLE
from nn import MLP, binary_cross_entropy, mse
from nn.formulas import whole_of
from nn.losses import LOSSES
from viz import draw, explain, flow, network, stepper
from viz.digits import short
from viz.layers import loss_of, worked_example
from viz.table import evaluate

SVG = "{http://www.w3.org/2000/svg}"
FONTS = Path(viz.__file__).parent / "fonts"
XLINK = "{http://www.w3.org/1999/xlink}title"

BINARY = [name for name, row in TABLE.items() if row.arity == 2]
FORMULAS = [
    *(f"{name}(a, b)" for name in BINARY),
    *(f"{name}(a*b, a) - {name}(b, a)" for name in BINARY),
    *(f"{name}(2, b)" for name in ("sub", "div", "pow", "mul", "add", "maximum")),
    *(f"{name}(a, 3)" for name in ("sub", "div", "pow", "mul", "add", "minimum")),
    "(x-a)**2 / (1 - x)",
    "(x-3)**2 + 2*x*y",
    "y/x + x/y",
    "(e1-1)/(e1+1)",
    "x1*w1 + x2*w2 + b",
    "x1*w1 + x2*w2 + x3*w3 + b",
    "dot(w1, w2, x1, x2)",
    "a**b - b**a",
    "(a-b)/(a+b)",
    "1/(1+exp(-x))",
    "(-b + sqrt(b**2 + 4*a*c))/(2*a)",
    "sin(x)*cos(y) - cos(x)*sin(y)",
    "a - (b - c)",
    "a / (b / c)",
    "a ** b ** c",
    "where(a, b, c)",
    "clip(x, a, b)",
    "exp(-(x-mu)**2/(2*s**2))",
    "x - x**3/6 + x**5/120",
    "r1*r2/(r1+r2)",
    "u*(1-t) + v*t",
    "-y*log(p) - (1-y)*log(1-p)",
    "sum(a, b, c, d, x)",
    "mean(a, b, c, 2)",
    "prod(a, 2, c, d, x)",
    "logsumexp(a, b, c)",
    "exp(z1)/(exp(z1) + exp(z2) + exp(z3))",
    "1/(1/a + 1/b)",
    "(1 - x)**2 + 100*(y - x**2)**2",
    "log(1 + exp(-y*(w*x + b)))",
    "(a+b+c)/3 - (a*b*c)**(1/3)",
    "a**(2/(1+2)) - 2**b",
    "x // y + x",
    "a*(1-r**n)/(1-r)",
    "sum(a-b, c/d, b**a)",
    "x*y - z/x + 2*y",
]


CROWDED = ["(x-a)**2 / (1 - x)", "y/x + x/y", "(a*x**2 + b*x + c)/(x-d)"]
"""Where arrows from the same few values cross in a narrow space."""


def recorded(text):
    names = expression.names(text.replace("dot(w1, w2, x1, x2)", "w1+w2+x1+x2"))
    values = {name: 0.9 / (1 + 0.3 * i) for i, name in enumerate(names)}
    if text.startswith("dot"):
        from autograd import dot

        w1, w2, x1, x2 = (Value(x, label=name) for name, x in values.items())
        return dot([w1, w2], [x1, x2])
    return expression.parse(text, **values)


def parts(svg, kind):
    root = ElementTree.fromstring(svg)
    groups = [g for g in root.iter(f"{SVG}g") if g.get("class") == kind]
    return {g.get("id"): g for g in groups}


def middle(group):
    """The middle of a node's shapes and texts, from their own numbers."""
    xs, ys = [], []
    for text in group.iter(f"{SVG}text"):
        xs.append(float(text.get("x")))
        ys.append(float(text.get("y")))
    for shape in [*group.iter(f"{SVG}polygon"), *group.iter(f"{SVG}path")]:
        found = re.findall(r"-?[\d.]+", shape.get("points") or shape.get("d"))
        xs += map(float, found[::2])
        ys += map(float, found[1::2])
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def tip(edge, center):
    """The point of an arrow that is nearest to the node that it leads to."""
    (head,) = edge.iter(f"{SVG}polygon")
    points = [tuple(map(float, p.split(","))) for p in head.get("points").split()]
    return min(points, key=lambda p: abs(p[0] - center[0]) + abs(p[1] - center[1]))


def entries(svg, output, head, arrow, axis=1):
    """For each operation where its operands come in, in the order of the formula."""
    nodes, edges = parts(svg, "node"), parts(svg, "edge")
    for node in graph(output):
        places = [k for k, p in enumerate(node.value.parents) if not p.constant]
        if node.value.op == "dot":
            places = [0, 2, 1, 3]
        ids = [arrow.format(node.index, place) for place in places]
        if len(ids) > 1:
            center = middle(nodes[head.format(node.index)])
            yield [tip(edges[id], center)[axis] for id in ids]


def has_an_order(text):
    """Whether some operation has several operands that are no numbers."""
    nodes = graph(recorded(text))
    return any(sum(not p.constant for p in n.value.parents) > 1 for n in nodes)


ORDERED = [text for text in FORMULAS if has_an_order(text)]


@pytest.mark.parametrize("text", ORDERED)
def test_the_first_operand_comes_in_above_the_second(text):
    output = recorded(text)
    pages = [
        (draw(output, detail="op").svg, "o{}", "o{}-{}"),
        (re.search("<svg.*</svg>", stepper(output).html, re.S)[0], "n{}", "e{}_{}"),
    ]
    for svg, head, arrow in pages:
        for heights in entries(svg, output, head, arrow):
            assert heights == sorted(set(heights)), heights


@pytest.mark.parametrize("text", ["2 - x/3", "(1 - x)**2 / (4 - 2**x)", "1/(2 - y)*x"])
def test_numbers_that_stand_apart_come_in_in_order_too(text):
    output = recorded(text)
    for direction, axis in (("right", 1), ("down", 0)):
        svg = draw(output, constants=True, direction=direction).svg
        edges = parts(svg, "edge")
        for node in graph(output):
            ways = [edges.get(f"o{node.index}-{place}") for place in (0, 1)]
            if node.value.op and len(node.parents) == 2:
                ends = [[*way(next(e.iter(f"{SVG}path")))][-1] for e in ways]
                first, second = ((end.imag, end.real)[axis == 0] for end in ends)
                assert first < second, (text, node.value.op)


def points(text):
    return [complex(*map(float, p)) for p in re.findall(r"(-?[\d.]+),(-?[\d.]+)", text)]


def turn(edge):
    """By how many degrees an arrow's head points elsewhere than its line leads."""
    (line,), (head,) = edge.iter(f"{SVG}path"), edge.iter(f"{SVG}polygon")
    *_, before, end = points(line.get("d"))
    tip = max(points(head.get("points")), key=lambda point: abs(point - end))
    return abs(math.degrees(cmath.phase((tip - end) / (end - before))))


def way(line):
    """Points along a line, which is a chain of cubic curves."""
    corners = points(line.get("d"))
    for start in range(0, len(corners) - 3, 3):
        a, b, c, d = corners[start : start + 4]
        for step in range(21):
            t, u = step / 20, 1 - step / 20
            yield u**3 * a + 3 * u * u * t * b + 3 * u * t * t * c + t**3 * d


def inside(point, corners):
    """Whether a point lies in a polygon."""
    sides = zip(corners, [*corners[1:], corners[0]], strict=True)
    crossed = [
        (b.real - a.real) * (point.imag - a.imag) / (b.imag - a.imag) + a.real
        for a, b in sides
        if (a.imag > point.imag) != (b.imag > point.imag)
    ]
    return len([x for x in crossed if point.real < x]) % 2 == 1


def shape(group):
    """The corners of a box or an arrowhead, or of the frame around a circle."""
    for ellipse in group.iter(f"{SVG}ellipse"):
        x, y, across, down = (float(ellipse.get(k)) for k in ("cx", "cy", "rx", "ry"))
        turns = [complex(*d) for d in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
        return [complex(x + across * t.real, y + down * t.imag) for t in turns]
    drawn = [*group.iter(f"{SVG}polygon")] or [*group.iter(f"{SVG}path")][:1]
    return [p for x in drawn for p in points(x.get("points") or x.get("d"))]


def written(group):
    """Where each text of a group stands: its corners, roughly."""
    for text in group.iter(f"{SVG}text"):
        size = float(text.get("font-size"))
        left, foot = float(text.get("x")), float(text.get("y"))
        wide = 0.55 * size * len(text.text or "")
        left -= wide / 2 * (text.get("text-anchor") == "middle")
        yield [
            complex(x, y)
            for x in (left, left + wide)
            for y in (foot, foot - 0.7 * size)
        ]


def covered(svg):
    """Which arrows run across the local derivative of one."""
    edges = parts(svg, "edge")
    for id, group in edges.items():
        line = [*way(next(group.iter(f"{SVG}path")))]
        for other, labeled in edges.items():
            for a, b, c, d in written(labeled):
                if any(inside(point, [a, b, d, c]) for point in line):
                    yield id, other


def crossings(svg):
    """Which arrows run across a box, a circle or another arrow's head."""
    nodes, edges = parts(svg, "node"), parts(svg, "edge")
    lines = {id: [*way(next(g.iter(f"{SVG}path")))] for id, g in edges.items()}
    for id, line in lines.items():
        for other, group in [*nodes.items(), *edges.items()]:
            # What it starts from or leads to, and its own head, it may touch.
            own = other == id or any(
                other in nodes and abs(end - complex(*middle(group))) < 90
                for end in (line[0], line[-1])
            )
            corners = shape(group)
            if not own and corners and any(inside(p, corners) for p in line[:-1]):
                yield id, other


CROSSED = [
    "(x-a)**2 / (1 - x)",
    "x // y + x",
    "a*(1-r**n)/(1-r)",
    "p*log(p/q) + (1-p)*log((1-p)/(1-q))",
    "log(a*b) - log(a) - log(b)",
    "sin(x*y)/y - cos(x/y)*x",
    "(x*y+1)*(x*y-1)/(x*y)",
    "y/x + x/y",
    "a/b + c/d - a/d",
    "a*b + b*c + c*a",
]
"""Where an arrow would run under the local derivative of another."""


def frame(text):
    """The corners of a text as its font draws it."""
    fonts = pytest.importorskip("PIL.ImageFont")
    font = fonts.truetype(FONTS / "DejaVuSans.ttf", 200)
    part, left = float(text.get("font-size")) / 200, float(text.get("x"))
    if text.get("text-anchor") == "middle":
        left -= font.getlength(text.text) * part / 2
    sides = font.getbbox(text.text, anchor="ls")
    corner = complex(left, float(text.get("y")))
    return [corner + part * complex(*at) for at in (sides[:2], sides[2:])]


def away(point, low, high):
    """How far a point is from a box between two corners."""
    across = max(low.real - point.real, point.real - high.real, 0)
    down = max(low.imag - point.imag, point.imag - high.imag, 0)
    return abs(complex(across, down))


def touched(svg):
    """Which local derivatives a line runs across or touches, with its width."""
    edges = parts(svg, "edge")
    lines = [next(group.iter(f"{SVG}path")) for group in edges.values()]
    for id, group in edges.items():
        for text in group.iter(f"{SVG}text"):
            low, high = frame(text)
            for line in lines:
                near = float(line.get("stroke-width") or 1) / 2
                if any(away(point, low, high) < near for point in way(line)):
                    yield id


@pytest.mark.parametrize("direction", ["right", "down"])
@pytest.mark.parametrize("text", [*CROSSED, *FORMULAS[1::6]])
def test_no_arrow_touches_a_local_derivative(text, direction):
    output = recorded(text)
    output.backward()
    for wrap in (0, 3):
        picture = draw(output, detail="op", direction=direction, wrap=wrap)
        assert not [*touched(picture.svg)]
        arrows = [id for id in picture.titles if "-" in id]
        assert picture.svg.count('class="edge"') == len(arrows)


@pytest.mark.parametrize("direction", ["right", "down"])
def test_no_arrowhead_is_bent_and_no_arrow_runs_across_a_box_or_a_head(direction):
    for text in [*FORMULAS[::3], *CROWDED]:
        output = recorded(text)
        output.backward()
        svg = draw(output, detail="op", direction=direction).svg
        turns = {id: turn(edge) for id, edge in parts(svg, "edge").items()}
        assert max(turns.values()) < 46, (text, turns)  # of all FORMULAS 45.9
        assert not [*crossings(svg)], text
        assert not [*covered(svg)], text


@pytest.mark.parametrize("text", [*FORMULAS[::5], "sum(a,b,c,d)/6 - maximum(a,b)"])
def test_computed_operands_stand_in_one_column_unless_one_is_made_of_the_other(text):
    output = recorded(text)
    nodes = parts(draw(output, detail="op").svg, "node")
    order = graph(output)
    before = {node.index: {node.index} for node in order}
    for node in order:
        before[node.index].update(*(before[i] for i in node.parents))
    apart = [
        {*pair}
        for node in order
        for pair in pairwise([i for i in node.parents if order[i].parents])
        if abs(middle(nodes[f"n{pair[0]}"])[0] - middle(nodes[f"n{pair[1]}"])[0]) > 2
    ]
    bound = [{i, j} for i in before for j in before[i]]
    assert all(pair in bound for pair in apart), apart


@pytest.mark.parametrize("text", ORDERED[::8])
def test_going_down_the_first_operand_comes_in_left_of_the_second(text):
    output = recorded(text)
    svg = draw(output, direction="down").svg
    for places in entries(svg, output, "o{}", "o{}-{}", axis=0):
        assert places == sorted(set(places))


@pytest.mark.parametrize("text", FORMULAS)
def test_picture_table_and_derivation_have_the_same_names_and_numbers(text):
    output = recorded(text)
    table = evaluate(output, {})  # differentiates
    told = explain(output)
    steps = {step.name: short(step.adjoint) for step in told.steps}
    forward = {}
    for line in told.text(digits=4).partition("\n\n")[0].splitlines()[1:]:
        name, *rest = (part.strip() for part in line.split(" = "))
        forward[name] = (rest[0] if len(rest) > 1 else "", rest[-1])
    boxes = parts(draw(output, detail="op", digits=4).svg, "node")
    for row in table.as_json()["nodes"]:
        box = boxes.get(f"n{row['index']}")
        if box is None:
            assert row["operation"] == ""  # a bare number
            continue
        *title, _, value, _, gradient = [t.text for t in box.iter(f"{SVG}text")]
        name, _, formula = "".join(title).partition(" = ")
        assert name == row["name"]
        assert value == forward[name][1]
        if "…" not in formula:
            assert formula == row["formula"] == forward[name][0]
        if name in steps or any(name == leaf for leaf, _ in told.gradients):
            assert gradient == steps[name]
        else:  # of bare numbers alone, which nobody differentiates by
            assert not re.search(r"[a-z]", re.sub(r"v\d+", "", formula))


@pytest.mark.parametrize("text", FORMULAS)
def test_computed_nodes_are_numbered_without_holes(text):
    output = recorded(text)
    names = [row["name"] for row in evaluate(output, {}).as_json()["nodes"]]
    computed = [
        name
        for name, node in zip(names, graph(output), strict=True)
        if node.parents and node.value is not output
    ]
    assert computed == [f"v{i}" for i in range(1, len(computed) + 1)]
    assert names[-1] == "out"


def read_back(output):
    """Every formula of the table, typed in again."""
    rows = evaluate(output, {}).as_json()["nodes"]
    numbers = {row["name"]: row["value"] for row in rows}
    for row in rows:
        if row["formula"] and "…" not in row["formula"]:
            again = expression.parse(row["formula"], **numbers)
            assert again.data == pytest.approx(row["value"], rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("text", FORMULAS)
def test_every_formula_can_be_typed_back(text):
    read_back(recorded(text))


@pytest.mark.parametrize("loss", LOSSES)
def test_every_formula_of_a_network_can_be_typed_back(loss):
    last = "sigmoid" if loss == "binary_cross_entropy" else None
    inputs = [Value(0.5, label="x[1]"), Value(-1.0, label="my x")]
    outs = MLP(2, [3, 2], "tanh", last, seed=1)(inputs)
    targets = {"cross_entropy": 1, "hinge": [1, -1]}.get(loss, [1.0, 0.0])
    read_back(LOSSES[loss](outs, targets))


def operand_of(name, output):
    """The operand of the last operation of this name, as the table has it."""
    rows = evaluate(output, {}).as_json()["nodes"]
    return rows[[row for row in rows if row["operation"] == name][-1]["parents"][0]]


def called(row):
    return f"{row['name']} = {row['formula']} = {row['value']!r}"


@pytest.mark.parametrize("text", [text for text in FORMULAS if text[:4] != "dot("])
def test_an_error_of_a_text_names_nodes_as_the_table_does(text):
    whole = f"({text}) - sin(-7 - abs({text}))"
    names = {name: 0.5 + i / 8 for i, name in enumerate(expression.names(text))}
    row = operand_of("sin", expression.parse(whole, **names))
    words = re.escape(f"log({called(row)}) is not defined")
    with pytest.raises(ValueError, match=words):
        expression.parse(whole.replace("sin(-7", "log(-7"), **names)


@pytest.mark.parametrize("text", FORMULAS)
def test_an_error_in_python_names_nodes_as_the_table_does(text):
    inner = -7 - abs(recorded(text))
    words = re.escape(f"log({called(operand_of('sin', inner.sin()))}) is not")
    with pytest.raises(ValueError, match=words):
        inner.log()
    large = inner * 1e-300 - 1e200
    row = operand_of("exp", exp(large))
    with detect_anomaly(), pytest.raises(AnomalyError) as found:
        large * 1e200
    assert str(found.value).startswith(f"mul({called(row)}, 1e+200) gave -inf")


@pytest.mark.parametrize(("direction", "axis"), [("right", 1), ("down", 0)])
@pytest.mark.parametrize("wrap", [2, 3, 5])
def test_a_wrapped_picture_reads_in_rows(direction, axis, wrap):
    text = "x"
    for i in range(6):
        text = f"sin({i + 2}*({text} - b)) / b"
    output = recorded(text)
    svg = draw(output, detail="op", direction=direction, wrap=wrap).svg
    nodes = parts(svg, "node")
    rows = {}
    depth = {}
    for node in graph(output):
        if node.parents:
            depth[node.index] = 1 + max(depth.get(p, 0) for p in node.parents)
            place = middle(nodes[f"n{node.index}"])[axis]
            rows.setdefault((depth[node.index] - 1) // wrap, []).append(place)
    assert len(rows) == -(-24 // wrap)
    for row in range(len(rows) - 1):
        assert max(rows[row]) < min(rows[row + 1])
    for places in entries(svg, output, "o{}", "o{}-{}", axis):
        assert places == sorted(set(places))


def test_a_long_picture_has_rows_by_itself():
    """As many as it takes for up to six operations in each; up to six are one row."""
    for count, rows in {6: 1, 7: 2, 9: 2, 12: 2, 13: 3, 20: 4}.items():
        chain = Value(0.5, label="x")
        for _ in range(count):
            chain = chain.sin()
        shown = {
            middle(node)[1]
            for key, node in parts(draw(chain).svg, "node").items()
            if re.fullmatch(r"o\d+", key)
        }
        assert len(shown) == rows
        size = r'width="([\d.]+)pt" height="([\d.]+)pt"'
        wide, high = map(float, re.search(size, draw(chain).svg).groups())
        assert count < 7 or wide < 8 * high
        whole = {draw(chain, wrap=0).svg, draw(chain, wrap=count).svg}
        assert len(whole) == 1
        assert (draw(chain).svg in whole) == (rows == 1)


@pytest.mark.parametrize(("direction", "axis"), [("right", 1), ("down", 0)])
@pytest.mark.parametrize(
    ("sizes", "wrap"), [([3, 1], None), ([3, 1], 2), ([3, 1], 4), ([3, 2, 1], 3)]
)
def test_alike_parts_stand_in_the_order_of_the_formula(sizes, wrap, direction, axis):
    """The neurons of a layer, however the picture is wrapped."""
    inputs = [Value(0.5, label="x1"), Value(1.0, label="x2")]
    loss = mse([MLP(2, sizes, "tanh", seed=0)(inputs)], [1.0])
    svg = draw(loss, detail="op", direction=direction, wrap=wrap).svg
    nodes, depths, places = parts(svg, "node"), {}, {}
    for node in graph(loss):
        if node.parents:
            depth = 1 + max(depths.get(parent, 0) for parent in node.parents)
            depths[node.index] = depth
            for kind in "on":
                place = middle(nodes[f"{kind}{node.index}"])[axis]
                places.setdefault((kind, depth), []).append(place)
    assert max(map(len, places.values())) == 3
    assert [*places.values()] == [sorted(set(column)) for column in places.values()]


def test_a_wrapped_picture_has_weights_beside_what_they_weigh():
    model, x, y = worked_example()
    svg = draw(binary_cross_entropy(model(x), y)).svg
    nodes = parts(svg, "node")
    places = {texts(n)[0]: middle(n)[1] for n in nodes.values() if len(texts(n)) > 2}
    weighed = [places[name] for name in ("W2[1,1]", "v3", "W2[1,2]", "v6")]
    assert weighed == sorted(weighed)
    assert places["v9"] > max(weighed)  # in another row


def test_a_box_has_the_whole_formula_of_a_neuron_with_three_inputs():
    loss = mse(MLP(2, [3, 1], "tanh", seed=0)([0.5, -1.0]), 1.0)
    boxes = parts(draw(loss).svg, "node").values()
    formulas = ["".join(texts(box)[:2]) for box in boxes]
    assert "v10 = W2[1,1]·v3 + W2[1,2]·v6 + W2[1,3]·v9" in formulas
    assert not [formula for formula in formulas if "…" in formula]


# ---- a loss is no layer --------------------------------------------------------------

OUTPUTS = (None, "tanh", "softplus", "sigmoid")
ENDINGS = {
    **{name: LOSSES[name] for name in LOSSES},
    "square": lambda p, t: mean([v**2 for v in p]),
    "log": lambda p, t: mean([v.exp().log1p() for v in p]),
    "abs": lambda p, t: mean([abs(v) for v in p]),
}


@pytest.mark.parametrize(
    ("loss", "output"),
    [
        (loss, output)
        for loss in ENDINGS
        for output in OUTPUTS
        if loss != "binary_cross_entropy" or output == "sigmoid"
    ],
)
def test_folding_keeps_the_loss_out_of_the_layers(loss, output):
    """Whatever the target, the number of samples and the number of outputs."""
    for count in (1, 2, 3):
        if loss == "cross_entropy" and count == 1:
            continue
        model = MLP(2, [3, count], "tanh", output, seed=1)
        targets = {"hinge": (-1, 1), "cross_entropy": range(count)}.get(
            loss, (0, 1, 0.5)
        )
        for target in targets:
            outs = model([0.5, 1.0])
            outs = outs if isinstance(outs, list) else [outs]
            wanted = target if loss == "cross_entropy" else [target] * count
            total = ENDINGS[loss](outs, wanted)
            total.backward()
            svg = draw(total, detail="layer").svg
            layer, box = (texts(parts(svg, "node")[k]) for k in ("L2N0", "loss"))
            assert "loss" in box
            assert short(total.data) in box
            assert (output or "add") in layer, (target, layer)
            ops = {"dot", "add", *([output] if output else [])}
            assert set(TABLE).intersection(layer) == ops, (count, target, layer)
            end = f"{output}(W2 a1 + b2)" if output else "W2 a1 + b2"
            assert f"ŷ = {end}" in layer
            assert "a1 = tanh(W1 x + b1)" in texts(parts(svg, "node")["L1N0"])


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_has_its_formula_where_that_is_all_of_it(loss):
    last = "sigmoid" if loss == "binary_cross_entropy" else None
    model = MLP(2, [3, 2], "tanh", last, seed=1)
    targets = {"cross_entropy": 1, "hinge": [1.0, -1.0]}.get(loss, [1.0, 0.0])
    alone = LOSSES[loss](model([0.5, 1.0]), targets)
    penalty = 0.1 * mean(w * w for w in model.parameters())
    more = {"twice": 2 * alone, "penalized": alone + penalty, "root": alone.sqrt()}
    for name, total in {"": alone, **more}.items():
        assert bool(whole_of(total)) == (not name), (name, whole_of(total))
        box = texts(parts(draw(total, detail="layer").svg, "node")["loss"])
        assert (box[1][:4] == "L = ") == (not name), (name, box)


def texts(group):
    return [text.text.replace("\xa0", " ") for text in group.iter(f"{SVG}text")]


def words(picture):
    """All that a picture says, tooltips too."""
    every = "".join(ElementTree.fromstring(picture.svg).itertext())
    titles = [a.get(XLINK) or "" for a in ElementTree.fromstring(picture.svg).iter()]
    return "\n".join([every, *titles]).replace("\xa0", " ")


@pytest.mark.parametrize("detail", ["neuron", "layer"])
def test_a_folded_picture_tells_no_gradient_from_0(detail):
    def total():
        return mse(MLP(2, [3, 1], "tanh", seed=0)([0.5, 1.0]), 1.0)

    before = total()
    picture = draw(before, detail=detail)
    assert "–: no gradient yet, before backward()" in words(picture)
    assert texts(parts(picture.svg, "node")["loss"])[-1] == "–"
    known = total()
    known.backward()
    picture = draw(known, detail=detail)
    assert "length of the vector of gradients" in words(picture)
    assert texts(parts(picture.svg, "node")["loss"])[-1] == "1"
    assert "the vector of" not in words(draw(known, detail=detail, key=False))
    assert "■ negative" in words(picture)


@pytest.mark.parametrize("detail", ["op", "neuron", "layer"])
@pytest.mark.parametrize("since", ["a later node", "another pass", "a zeroed pass"])
def test_gradients_that_another_backward_left_are_not_shown_as_this_outputs(
    since, detail
):
    model = MLP(2, [3, 1], "tanh", seed=0)
    out = model([0.5, 1.0])
    out.backward()
    if since == "a zeroed pass":
        out.zero_grad()
    total = {"a later node": lambda: mse(out, 1.0), "a zeroed pass": lambda: out}
    shown = total.get(since, lambda: mse(model([2.0, 1.0]), 1.0))()
    told = words(draw(shown, detail=detail))
    assert "before backward()" in told
    assert "derivative of the output by" not in told
    assert "gradient\n0" not in told


def test_the_forms_of_the_layers_are_the_same_in_both_pictures_of_a_network():
    model, x, y = worked_example()
    total = binary_cross_entropy(model(x), y)
    total.backward()
    for picture in (draw(total, detail="neuron"), network(model, x, y)):
        for form in ("a1 = sigmoid(W1 x + b1)", "ŷ = sigmoid(W2 a1 + b2)"):
            assert form in words(picture)
        assert "L = -mean(y·log(ŷ) + (1 - y)·log(1 - ŷ))" in words(picture)


def test_the_flow_and_the_network_have_the_same_numbers():
    model, x, y = worked_example()
    picture = network(model, x, y, digits=6)
    svg, text = picture.svg, flow(model, x, y).partition("Update")[0]
    told = dict(re.findall(r"^  (z2|ŷ|L|δ2|∂L/∂ŷ) = .*?([\d.-]+)$", text, re.M))
    neuron = texts(parts(svg, "node")["c2i0"])
    assert neuron[1::2] == [told["z2"], told["ŷ"], told["δ2"]]
    box = texts(parts(svg, "node")["loss"])
    assert box == ["loss", "0.366537", "target", "1", "∂L/∂ŷ", told["∂L/∂ŷ"]]
    assert "∂L/∂ŷ = -1 / ŷ = -1 / 0.693131 = -1.44273" in text
    assert "∂L/∂ŷ = -1 / ŷ = -1 / 0.693131 = -1.44273" in words(picture)
    steps = str(explain(loss_of(model, [Value(v) for v in x], y)))
    assert "∂L/∂ŷ = -1 / ŷ\n" in steps


def test_the_box_of_the_loss_says_the_class_by_its_name():
    svg = network(
        MLP(2, [3], seed=0), [1, 2], 0, loss="cross_entropy", target="setosa"
    ).svg
    box = texts(parts(svg, "node")["loss"])
    assert box[2:4] == ["target", "setosa"]


# ---- derivatives that a user gave as numbers -----------------------------------------


def test_a_value_whose_derivatives_were_given_is_shown_like_others():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    output = Value(7.0, (a, b), (0.25, -4.0)) * 2.0
    output.backward()
    told = explain(output)
    assert "v1  = given(a, b) = given(2, 3) = 7" in str(told)
    assert dict(told.gradients) == {"a": 0.5, "b": -8.0}
    lines = str(told).splitlines()
    assert "  a → v1 → out: 0.25·2 = 0.5" in lines
    assert r"\operatorname{given}\left(a, b\right)" in told.latex()
    arrows = parts(draw(output).svg, "edge")
    assert [texts(arrows[f"o2-{i}"]) for i in (0, 1)] == [["∂ 0.25"], ["∂ -4"]]
    page = stepper(output).html
    assert "has none for others" in page
    assert evaluate(output, {"a": a}).first == {"a": 0.5}
