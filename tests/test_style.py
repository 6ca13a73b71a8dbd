"""How pictures look: sizes of lines and bars, colors, and what stands above what."""

import graphlib
import itertools
import math
import random
import re
from contextlib import contextmanager
from xml.etree import ElementTree

import pytest

from viz import style

SIZES = [0.0, 1e-300, 0.001, 0.25, 0.5, 1.0, 3.0, math.inf]


# ---- gradients -----------------------------------------------------------------------


def test_a_color_is_a_sign():
    blue, orange, gray = style.POSITIVE, style.NEGATIVE, style.NEUTRAL
    numbers = [1e-300, 2.0, math.inf, -1e-300, -math.inf, 0.0, -0.0, math.nan]
    colors = [blue] * 3 + [orange] * 2 + [gray] * 3
    assert [style.hue(number) for number in numbers] == colors
    assert len({blue, orange, gray}) == 3


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", SIZES)
def test_a_share_is_of_the_largest(size, sign):
    assert style.share(sign * size, 1.0) == min(size, 1.0)
    assert style.share(sign * size, 2.0) == min(size / 2, 1.0)
    assert style.share(math.nan, 1.0) == 0.0


def test_the_area_of_a_line_grows_with_the_gradient():
    widths = [float(style.width(size, 4.0)) for size in (0, 1, -1, 4, -4, 9, math.inf)]
    assert widths == [0.8, 2.4, 2.4, 4.0, 4.0, 4.0, 4.0]


def test_the_largest_is_the_largest_that_is_a_number():
    assert style.largest_of([1.0, -3.0, 2.0, math.inf, -math.inf, math.nan]) == 3.0
    assert style.largest_of([]) == style.largest_of([0.0, math.inf, math.nan]) == 1.0
    assert style.largest_of([1e-9, 0.0]) == 1e-9


def cells(markup):
    """The width of a bar, and the widths of its parts with their colors."""
    table = ElementTree.fromstring(markup)
    parts = [(int(td.get("WIDTH")), td.get("BGCOLOR")) for td in table.iter("TD")]
    assert sum(width for width, _ in parts) == int(table.get("WIDTH"))
    return parts


@pytest.mark.parametrize(
    ("gradient", "length"),
    [(0.0, 0), (math.nan, 0), (1e-9, 2), (1.0, 8), (2.0, 17), (4.0, 34), (9.0, 34)],
)
def test_a_bar_goes_to_the_side_of_the_sign(gradient, length):
    gray, middle = style.TROUGH, (2, style.QUIET)
    half = style.BAR
    right = [(half, gray), middle, (length, style.POSITIVE), (half - length, gray)]
    assert cells(style.bar(gradient, 4.0)) == [part for part in right if part[0]]
    left = [(half - length, gray), (length, style.NEGATIVE), middle, (half, gray)]
    assert cells(style.bar(-gradient, 4.0)) == [part for part in left if part[0]]


@pytest.mark.parametrize(
    ("size", "length"), [(0.0, 0), (math.nan, 0), (1e-9, 2), (1.0, 17), (4.0, 68)]
)
def test_a_meter_starts_at_the_left(size, length):
    whole = [(length, style.QUIET), (68 - length, style.TROUGH)]
    assert cells(style.meter(size, 4.0)) == [part for part in whole if part[0]]


def test_a_bar_of_another_length():
    assert sum(width for width, _ in cells(style.bar(0.5, 1.0, 10))) == 22
    assert (5, style.POSITIVE) in cells(style.bar(0.5, 1.0, 10))


# ---- shapes --------------------------------------------------------------------------


def test_a_long_sign_stands_in_an_ellipse():
    assert style.circle("+")["shape"] == "circle"
    assert style.circle("tanh")["shape"] == "ellipse"
    assert style.circle("<")["label"] == "<&lt;>"


@pytest.mark.parametrize("operands", [1, 2, 5])
def test_each_operand_has_an_entry_of_its_own(operands):
    ports = [f"p{i}" for i in range(operands)]
    for direction, length, across in (
        ("right", "HEIGHT", "ROWSPAN"),
        ("down", "WIDTH", "COLSPAN"),
    ):
        gate = ElementTree.fromstring(style.gate("Σ", operands, direction)[1:-1])
        entries = [td for td in gate.iter("TD") if td.get("PORT")]
        assert [td.get("PORT") for td in entries] == ports
        assert {td.get(length) for td in entries} == {str(style.ENTRY)}
        (sign,) = [td for td in gate.iter("TD") if not td.get("PORT")]
        assert (sign.text, sign.get(across)) == ("Σ", str(operands))
        in_rows = [len([*row]) for row in gate.iter("TR")]
        assert in_rows == (
            [2, *[1] * (operands - 1)] if direction == "right" else [operands, 1]
        )
    frame = ElementTree.fromstring(style.frame(50.4, 60.0, operands)[1:-1])
    entries = [*frame.iter("TD")]
    assert [td.get("PORT") for td in entries] == ports
    assert {td.get("WIDTH") for td in entries} == {"50"}
    assert {td.get("HEIGHT") for td in entries} == {str(60 // operands)}


# ---- what stands above what ----------------------------------------------------------


class Sheet:
    """A picture that keeps which node was put above which."""

    def __init__(self):
        self.edges = []

    @contextmanager
    def subgraph(self):
        yield self

    def attr(self, rank):
        assert rank == "same"

    def edge(self, above, below, style):
        assert style == "invis"
        self.edges.append((above, below))


def above(operands, alike=(), upwards=False):
    sheet = Sheet()
    style.in_order(sheet, operands, alike, upwards)
    return sheet.edges


def test_a_leaf_stands_above_the_next_operand():
    operands = {"a": (), "b": (), "c": (), "f": ("a", "b", "c"), "g": ("c", "f", "a")}
    assert above(operands) == [("a", "b"), ("b", "c")]
    assert above(operands, upwards=True) == [("b", "a"), ("c", "b")]
    assert above(operands, [("c", "g"), ("g", "a")]) == [
        ("a", "b"), ("b", "c"), ("c", "g"),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_pairs_that_contradict_others_are_left_out_and_no_more(seed):
    pairs = list(itertools.permutations("abcdef", 2))
    random.Random(seed).shuffle(pairs)
    kept, before = above(dict.fromkeys("abcdef", ()), pairs), {}
    for first, second in pairs:
        sources = before.setdefault(second, set())
        wanted = is_ordered({**before, second: sources | {first}})
        assert ((first, second) in kept) == wanted
        if wanted:
            sources.add(first)


def is_ordered(before):
    try:
        graphlib.TopologicalSorter(before).prepare()
    except graphlib.CycleError:
        return False
    return True


@pytest.mark.parametrize("seed", range(20))
def test_columns_are_joined_where_none_is_made_of_the_other(seed):
    rng = random.Random(seed)
    names = "abcdefghijk"
    operands = {
        name: rng.sample(names[:i], min(i, rng.choice((0, 1, 2))))
        for i, name in enumerate(names)
    }
    columns = style.Columns(operands)
    group = {name: {name} for name in names}

    def joined(first, second):
        """Whether the order of columns is one with these two as one."""
        place = {name: min(group[name]) for name in names}
        one, other = place[first], place[second]
        place = {name: one if at == other else at for name, at in place.items()}
        before = {place[name]: set() for name in names}
        for name in names:
            before[place[name]] |= {place[operand] for operand in operands[name]}
        return is_ordered(before)

    for first, second in itertools.product(names, repeat=2):
        can = joined(first, second)
        assert columns.join(first, second) == can
        if can:
            whole = group[first] | group[second]
            group.update(dict.fromkeys(whole, whole))
        assert (columns.column[first] == columns.column[second]) == can
    assert {frozenset(x) for x in columns.names.values()} == {
        frozenset(x) for x in group.values()
    }


# ---- what signs mean -----------------------------------------------------------------


def words(label):
    return "".join(ElementTree.fromstring(label[1:-1]).itertext())


@pytest.mark.parametrize("operations", [True, False])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("blank", [True, False])
def test_the_key_names_the_signs_that_there_are(known, operations, blank):
    told = words(style.key(known, operations, blank))
    assert ("∂ on an arrow" in told) == operations
    assert ("gradient: derivative of the output" in told) == (known or blank)
    assert ("■ to the right positive, ■ to the left negative" in told) == known
    assert ("the wider an arrow" in told) == known
    assert ("–: no gradient yet" in told) == (not known and not blank)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("colored", [True, False])
@pytest.mark.parametrize("forms", [[], ["a1 = tanh(W1 x + b1)", "L = <y>"]])
def test_the_key_of_a_network_has_its_layers(known, colored, forms):
    told = words(style.fold_key(forms, known, colored))
    assert ("■ positive, ■ negative gradient" in told) == (known and colored)
    assert all(form in told for form in forms)
    assert ("n × on an arrow" in told) == (not forms)
    assert ("the wider an arrow" in told) == ("‖gradient‖" in told) == known
    assert ("–: no gradient yet" in told) == (not known)


def test_a_program_that_goes_back_has_a_color_for_that():
    assert "derivatives of L" in words(style.program_key(True).replace("<BR/>", "\n"))
    assert not re.search("derivatives", style.program_key(False))
