"""The twelve tasks of GradBench, in scalar code: what each function computes.

A function of a module takes an engine and the input of a message, and returns what is
timed and what makes the output of its result. What is computed is stated by the
benchmark's own pages; this is written from the mathematics there.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from autograd import (
    cos,
    exp,
    grad,
    jvp,
    log,
    logsumexp,
    maximum,
    minimum,
    sigmoid,
    sin,
    sqrt,
    sum,
    tanh,
    where,
)

Made = tuple[Callable[[], Any], Callable[[Any], Any]]
"""What is timed, and what makes the output of its result."""


def number(x: Any) -> float:
    """A single number."""
    return float(x)


def numbers(xs: Any) -> list[float]:
    """A list of numbers."""
    return [float(x) for x in xs]


# ---- hello, det, llsq, lse, ode ------------------------------------------------------


def square(engine: Any, x: float) -> Made:
    """x squared."""
    return engine.value(lambda w: w[0] * w[0], [x]), number


def double(engine: Any, x: float) -> Made:
    """Its derivative."""
    made = engine.gradient(lambda w: w[0] * w[0], [x])
    return made, lambda found: float(found[0])


def determinant(
    matrix: Sequence[Any], rows: list[int], columns: list[int], size: int
) -> Any:
    """By minors, along the first of the rows that are left."""
    row, *others = rows
    if not others:
        return matrix[row * size + columns[0]]
    total = 0.0
    for n, column in enumerate(columns):
        minor = determinant(matrix, others, columns[:n] + columns[n + 1 :], size)
        term = matrix[row * size + column] * minor
        total = total - term if n % 2 else total + term
    return total


def det(kind: str) -> Callable[[Any, Any], Made]:
    """The determinant, or its gradient."""

    def made(engine: Any, given: Any) -> Made:
        size = given["ell"]
        every = list(range(size))
        make = getattr(engine, kind)
        run = make(lambda a: determinant(a, every, every, size), given["A"])
        return run, number if kind == "value" else numbers

    return made


def deviation(x: Sequence[Any], row: Sequence[Any]) -> Any:
    """Half the square by which a polynomial misses s at t."""
    t, s = row
    value = 0.0
    for factor in reversed(x):
        value = value * t + factor
    return 0.5 * (s - value) ** 2


def llsq(kind: str) -> Callable[[Any, Any], Made]:
    """The sum of these over n places between -1 and 1, or its gradient."""

    def made(engine: Any, given: Any) -> Made:
        n = given["n"]
        places = [-1 + i * 2 / (n - 1) for i in range(n)]
        rows = [(t, float((t > 0) - (t < 0))) for t in places]
        run = getattr(engine, kind)(deviation, given["x"], rows)
        return run, number if kind == "total" else numbers

    return made


def log_of_sum(x: Sequence[Any]) -> Any:
    """log(sum of e ** x), by its largest term."""
    largest = maximum(*x)
    return largest + log(sum([exp(each - largest) for each in x]))


def lse(kind: str) -> Callable[[Any, Any], Made]:
    """That, or its gradient."""

    def made(engine: Any, given: Any) -> Made:
        run = getattr(engine, kind)(log_of_sum, given["x"])
        return run, number if kind == "value" else numbers

    return made


def integrated(x: Sequence[Any], steps: int) -> list[Any]:
    """The solution of y0' = x0, yi' = xi y(i-1) at t = 2, by Runge and Kutta."""
    h = 2 / steps

    def slope(y: Sequence[Any]) -> list[Any]:
        return [x[0], *[a * b for a, b in zip(x[1:], y[:-1], strict=True)]]

    def moved(y: Sequence[Any], k: Sequence[Any], by: float) -> list[Any]:
        return [a + by * b for a, b in zip(y, k, strict=True)]

    y: list[Any] = [0.0] * len(x)
    for _ in range(steps):
        one = slope(y)
        two = slope(moved(y, one, h / 2))
        three = slope(moved(y, two, h / 2))
        four = slope(moved(y, three, h))
        parts = zip(y, one, two, three, four, strict=True)
        y = [a + h / 6 * (b + 2 * c + 2 * d + e) for a, b, c, d, e in parts]
    return y


def ode(kind: str) -> Callable[[Any, Any], Made]:
    """All of the solution, or the gradient of its last number."""

    def made(engine: Any, given: Any) -> Made:
        x, steps = given["x"], given["s"]
        if kind == "value":
            return engine.value(lambda x: integrated(x, steps), x), numbers
        return engine.gradient(lambda x: integrated(x, steps)[-1], x), numbers

    return made


# ---- kmeans, gmm, lstm ---------------------------------------------------------------


def in_rows(xs: Sequence[Any], width: int) -> list[Sequence[Any]]:
    """A long list in rows."""
    return [xs[n : n + width] for n in range(0, len(xs), width)]


def nearest(centers: Sequence[Any], point: Sequence[Any]) -> Any:
    """The square of the distance to the nearest center."""
    return minimum(
        *[
            sum([(c - p) ** 2 for c, p in zip(center, point, strict=True)])
            for center in in_rows(centers, len(point))
        ]
    )


def kmeans(kind: str) -> Callable[[Any, Any], Made]:
    """The sum of these, or the direction of Newton's step, for a diagonal Hessian."""

    def made(engine: Any, given: Any) -> Made:
        flat = [x for center in given["centroids"] for x in center]
        run = getattr(engine, kind)(nearest, flat, given["points"])
        if kind == "total":
            return run, number
        width = len(given["points"][0])
        return run, lambda found: in_rows(numbers(found), width)

    return made


class Mixture:
    """A mixture of Gaussians: how its parameters lie in one long list."""

    def __init__(self, given: Any) -> None:
        self.given = given
        self.d, self.k, self.n = given["d"], given["k"], given["n"]
        self.below = self.d * (self.d - 1) // 2

    def flat(self) -> list[float]:
        """alpha, mu, q and l."""
        given = self.given
        rows = [*given["mu"], *given["q"], *given["l"]]
        return [*given["alpha"], *[x for row in rows for x in row]]

    def parts(self, w: Sequence[Any]) -> dict[str, Any]:
        """The list taken apart."""
        found, start = {"alpha": w[: self.k]}, self.k
        for name, width in (("mu", self.d), ("q", self.d), ("l", self.below)):
            stop = start + self.k * width
            found[name] = in_rows(w[start:stop], width) if width else [[]] * self.k
            start = stop
        return found

    def density(self, w: Sequence[Any], x: Sequence[Any]) -> Any:
        """The logarithm of the sum of e ** beta of the components."""
        parts = self.parts(w)
        each = zip(parts["alpha"], parts["mu"], parts["q"], parts["l"], strict=True)
        return logsumexp(
            [alpha + self._component(mu, q, below, x) for alpha, mu, q, below in each]
        )

    def _component(self, mu: Any, q: Any, below: Any, x: Any) -> Any:
        away = [a - b for a, b in zip(x, mu, strict=True)]
        scaled = [exp(a) * b for a, b in zip(q, away, strict=True)]
        place = 0
        for column in range(self.d):
            for row in range(column + 1, self.d):
                scaled[row] = scaled[row] + below[place] * away[column]
                place += 1
        return sum(list(q)) - 0.5 * sum([a * a for a in scaled])

    def prior(self, w: Sequence[Any]) -> Any:
        """What does not depend on the data."""
        parts, d, m = self.parts(w), self.d, self.given["m"]
        gamma, degrees = self.given["gamma"], self.d + self.given["m"] + 1
        total = -self.n * (d / 2 * math.log(2 * math.pi) + logsumexp(parts["alpha"]))
        gammas = [math.lgamma((degrees - j) / 2) for j in range(d)]
        constant = d * (d - 1) / 4 * math.log(math.pi) + math.fsum(gammas)
        scale = degrees * d * math.log(gamma / math.sqrt(2))
        for q, below in zip(parts["q"], parts["l"], strict=True):
            squares = sum([exp(2 * a) for a in q] + [b * b for b in below])
            total = total + scale - constant - gamma**2 / 2 * squares + m * sum(list(q))
        return total


def gmm(kind: str) -> Callable[[Any, Any], Made]:
    """The logarithm of the posterior, or its gradient."""

    def made(engine: Any, given: Any) -> Made:
        mix = Mixture(given)
        make = getattr(engine, kind)
        run = make(mix.density, mix.flat(), given["x"], mix.prior)
        if kind == "total":
            return run, number
        return run, lambda found: mix.parts(numbers(found))

    return made


class Network:
    """An LSTM whose weights multiply place by place, reading characters as bits."""

    def __init__(self, given: Any) -> None:
        self.given = given
        self.bits = len(given["sequence"][0])

    def flat(self) -> list[float]:
        """All parameters."""
        given = self.given
        rows = [*given["main_params"], *given["extra_params"]]
        return [x for row in rows for x in row]

    def loss(self, w: Sequence[Any]) -> Any:
        """How badly each character is foretold by those before it, on average."""
        given, bits = self.given, self.bits
        layers = len(given["main_params"])
        main = in_rows(w[: layers * 4 * bits], 4 * bits)
        extra = in_rows(w[layers * 4 * bits :], bits)
        state: list[Any] = [list(row) for row in given["state"]]
        sequence, total = given["sequence"], 0.0
        for x, wanted in pairwise(sequence):
            y = self._foretold(main, extra, state, x)
            top = log(2 + sum([exp(each) for each in y]))
            parts = [a * (b - top) for a, b in zip(wanted, y, strict=True)]
            total = total + sum(parts)
        return -total / ((len(sequence) - 1) * bits)

    def _foretold(
        self, main: Any, extra: Any, state: list[Any], x: Sequence[Any]
    ) -> list[Any]:
        x = [a * b for a, b in zip(x, extra[0], strict=True)]
        for n in range(0, len(state), 2):
            x = self._cell(main[n], main[n + 1], state, n, x)
        return [a * b + c for a, b, c in zip(x, extra[1], extra[2], strict=True)]

    def _cell(
        self, weight: Any, bias: Any, state: list[Any], n: int, x: Sequence[Any]
    ) -> list[Any]:
        hidden, cell = state[n], state[n + 1]
        read = [*x, *hidden, *x, *hidden]
        z = [a * b + c for a, b, c in zip(read, weight, bias, strict=True)]
        keep, into, out, change = in_rows(z, self.bits)
        parts = zip(cell, keep, into, change, strict=True)
        cell = [c * sigmoid(k) + sigmoid(i) * tanh(g) for c, k, i, g in parts]
        hidden = [sigmoid(o) * tanh(c) for o, c in zip(out, cell, strict=True)]
        state[n : n + 2] = hidden, cell
        return hidden


def lstm(kind: str) -> Callable[[Any, Any], Made]:
    """The loss, or its gradient."""

    def made(engine: Any, given: Any) -> Made:
        network = Network(given)
        run = getattr(engine, kind)(network.loss, network.flat())
        return run, number if kind == "value" else numbers

    return made


# ---- ba, ht --------------------------------------------------------------------------


def cross(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    """The cross product."""
    return [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]


def inner(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """The inner product."""
    return sum([x * y for x, y in zip(a, b, strict=True)])


def reprojected(_: Sequence[Any], row: Sequence[Any]) -> list[Any]:
    """By how much a point is seen elsewhere than foretold, times its weight.

    row: the camera's 11 numbers, the point's 3, the weight, and where it was seen.
    """
    turn, center, focal, middle = row[:3], row[3:6], row[6], row[7:9]
    bend, point, weight, seen = row[9:11], row[11:14], row[14], row[15:]
    away = [a - b for a, b in zip(point, center, strict=True)]
    angle = sqrt(inner(turn, turn))
    axis = [a / angle for a in turn]
    across, along = cross(axis, away), inner(axis, away) * (1 - cos(angle))
    x, y, z = (
        a * cos(angle) + b * sin(angle) + c * along
        for a, b, c in zip(away, across, axis, strict=True)
    )
    flat = [x / z, y / z]
    radius = inner(flat, flat)
    distorted = 1 + bend[0] * radius + bend[1] * radius**2
    return [
        weight * (a * distorted * focal + b - c)
        for a, b, c in zip(flat, middle, seen, strict=True)
    ]


def bundle(kind: str) -> Callable[[Any, Any], Made]:
    """All of these errors and those of the weights, or their sparse Jacobian."""

    def made(engine: Any, given: Any) -> Made:
        count = given["p"]
        w = given["w"]
        row = [*given["cam"], *given["x"], w, *given["feat"]]
        if kind == "each":
            return engine.each(reprojected, [], [row] * count), lambda found: {
                "reproj_error": {"elements": numbers(found[0]), "repeated": count},
                "w_err": {"element": 1 - w * w, "repeated": count},
            }
        run = engine.each_jacobian(reprojected, [], [row] * count, 15)
        return run, lambda found: sparse(given, found[0])

    return made


def sparse(given: Any, first: Any) -> dict[str, list[Any]]:
    """The first 30 entries and the last one, by rows; the observations are equal."""
    n, m, p = given["n"], given["m"], given["p"]
    columns = [*range(11), *range(11 * n, 11 * n + 3), 11 * n + 3 * m]
    starts = [15 * row for row in range(2 * p + 1)]
    starts += [starts[-1] + row for row in range(1, p + 1)]
    places: list[int] = []
    for observed in range(min(p, 2)):
        camera, point = observed % n, observed % m
        block = [11 * camera + i for i in range(11)]
        block += [11 * n + 3 * point + i for i in range(3)] + [
            11 * n + 3 * m + observed
        ]
        places += block * 2
    last = 11 * n + 3 * m + p - 1
    places = [*(places or columns)[:30], last]
    values = [float(x) for row in first for x in row]
    return {
        "rows": [*starts[:30], starts[-1]],
        "cols": places,
        "vals": [*values[:30], -2 * given["w"]],
    }


Matrix = list[list[Any]]


def matmul(one: Matrix, other: Matrix) -> Matrix:
    """The matrix product."""
    columns = list(zip(*other, strict=True))
    return [[inner(row, column) for column in columns] for row in one]


def turned(x: Any, z: Any, y: Any) -> Matrix:
    """Rotations about x, then y, then z, as a 4 x 4 matrix."""
    about_x = [[1, 0, 0], [0, cos(x), -sin(x)], [0, sin(x), cos(x)]]
    about_y = [[cos(y), 0, sin(y)], [0, 1, 0], [-sin(y), 0, cos(y)]]
    about_z = [[cos(z), -sin(z), 0], [sin(z), cos(z), 0], [0, 0, 1]]
    whole = matmul(matmul(about_z, about_y), about_x)
    return [*[[*row, 0.0] for row in whole], [0.0, 0.0, 0.0, 1.0]]


def about_axis(turn: Sequence[Any]) -> Matrix:
    """The rotation about a vector by its length."""
    angle = sqrt(inner(turn, turn))
    x, y, z = [a / angle for a in turn]
    s, c = sin(angle), cos(angle)
    return [
        [x * x + (1 - x * x) * c, x * y * (1 - c) - z * s, x * z * (1 - c) + y * s],
        [x * y * (1 - c) + z * s, y * y + (1 - y * y) * c, y * z * (1 - c) - x * s],
        [x * z * (1 - c) - y * s, z * y * (1 - c) + x * s, z * z + (1 - z * z) * c],
    ]


class Hand:
    """A hand of bones, whose vertices are compared with points, each a row.

    A row: the place in the triangle, of which there may be none; the point; for every
    corner, or for the vertex, where it is at rest, and how it hangs on each bone.
    """

    def __init__(self, given: Any) -> None:
        self.us, self.model = given["us"], given["data"]["model"]
        self.own = 2 if self.us else 0
        data = given["data"]
        pairs = zip(data["points"], data["correspondences"], strict=True)
        self.rows = [self._row(n, *pair) for n, pair in enumerate(pairs)]

    def _row(self, n: int, point: Sequence[float], match: int) -> list[float]:
        corners = self.model["triangles"][match] if self.us else [match]
        row = [*(self.us[n] if self.us else ()), *point]
        for corner in corners:
            base, weights = self.model["base_positions"], self.model["weights"]
            row += [*base[corner], *weights[corner]]
        return row

    def error(self, theta: Sequence[Any], row: Sequence[Any]) -> list[Any]:
        """By how much the point misses its vertex, or its place in the triangle."""
        shares = [row[0], row[1], 1 - row[0] - row[1]] if self.us else [1]
        point, rest = row[self.own : self.own + 3], row[self.own + 3 :]
        bones, whole = self._bones(theta), about_axis(theta[:3])
        moved = [0.0] * 3
        corners = in_rows(rest, 4 + len(bones))
        for share, corner in zip(shares, corners, strict=True):
            base, weights = corner[:4], corner[4:]
            moved = [
                so_far + share * inner(weights, [inner(b[side], base) for b in bones])
                for side, so_far in enumerate(moved)
            ]
        there = [inner(*pair) for pair in zip(whole, [moved] * 3, strict=True)]
        parts = zip(point, there, theta[3:6], strict=True)
        return [a - b - c for a, b, c in parts]

    def _bones(self, theta: Sequence[Any]) -> list[Matrix]:
        """How each bone moves what is fixed to it."""
        pose: dict[int, Sequence[Any]] = {}
        place = 6
        for finger in range(5):
            for joint in range(3):
                two = joint == 0
                pose[2 + 4 * finger + joint] = (
                    theta[place],
                    theta[place + 1] if two else 0.0,
                    0.0,
                )
                place += 2 if two else 1
        absolute: list[Matrix] = []
        for n, base in enumerate(self.model["base_relatives"]):
            own = matmul(base, turned(*pose[n])) if n in pose else base
            parent = self.model["parents"][n]
            absolute.append(own if parent == -1 else matmul(absolute[parent], own))
        inverse = self.model["inverse_base_absolutes"]
        return [matmul(a, b) for a, b in zip(absolute, inverse, strict=True)]


def hand(kind: str) -> Callable[[Any, Any], Made]:
    """All errors, or their derivatives by the own places of a point and by the pose."""

    def made(engine: Any, given: Any) -> Made:
        model, theta = Hand(given), given["theta"]
        if kind == "each":
            run = engine.each(model.error, theta, model.rows)
            return run, lambda found: [x for row in found for x in numbers(row)]
        run = engine.each_jacobian(model.error, theta, model.rows, model.own)
        return run, lambda found: [numbers(line) for row in found for line in row]

    return made


# ---- particle, saddle ----------------------------------------------------------------


def slopes(mode: str, f: Callable[..., Any], xs: Sequence[Any]) -> list[Any]:
    """The gradient: "r" by one walk back, "f" by one walk forward for each number."""
    if mode == "r":
        return list(grad(f)(list(xs)))
    ways = [[float(i == j) for j in range(len(xs))] for i in range(len(xs))]
    return [jvp(f, list(xs), way)[1] for way in ways]


def length(xs: Sequence[Any]) -> Any:
    """Of a vector."""
    return sqrt(inner(xs, xs))


def short(xs: Sequence[Any]) -> Any:
    """Whether a vector is no longer than 1e-5."""
    return inner(xs, xs) <= 1e-10


def lowest(
    f: Callable[..., Any], slope: Callable[..., Any], start: Sequence[Any], loop: Any
) -> list[Any]:
    """Where f is smallest: down the slope, with steps that grow while it goes well.

    loop: as of an engine, takes turns until there is nothing left to do.
    """
    size = len(start)

    def turn(state: Sequence[Any]) -> list[Any]:
        x, down, (value, good, step, _) = parts(state)
        long = good >= 10
        step, good = where(long, 2 * step, step), where(long, 0.0, good)
        there = [a - step * b for a, b in zip(x, down, strict=True)]
        moved = [a - b for a, b in zip(x, there, strict=True)]
        end = where(short(moved), 1.0, 0.0)
        found = f(there)
        lower = where(end > 0, 0.0, where(found < value, 1.0, 0.0)) > 0
        further = down if lower is False else slope(there)
        old, new = [*x, *down, value], [*there, *further, found]
        chosen = [where(lower, a, b) for a, b in zip(new, old, strict=True)]
        good, step = where(lower, good + 1, 0.0), where(lower, step, step / 2)
        return [*chosen, good, step, end]

    def parts(state: Sequence[Any]) -> tuple[Any, Any, Any]:
        return state[:size], state[size : 2 * size], state[2 * size :]

    def ended(state: Sequence[Any]) -> Any:
        _, down, rest = parts(state)
        return rest[-1] + where(short(down), 1.0, 0.0) > 0

    begin = [*start, *slope(list(start)), f(list(start)), 0.0, 1e-5, 0.0]
    return parts(loop(turn, begin, ended))[0]


def landed(w: Any, mode: str, loop: Any) -> Any:
    """The square of where a charged particle meets the axis."""
    charges = [(10.0, 10.0 - w), (10.0, 0.0)]
    h = 0.1

    def potential(at: Sequence[Any]) -> Any:
        away = [(at[0] - a, at[1] - b) for a, b in charges]
        return sum([1 / length(each) for each in away])

    def turn(state: Sequence[Any]) -> list[Any]:
        at, speed, pull = in_rows(state, 2)
        speed = [a - h * b for a, b in zip(speed, pull, strict=True)]
        there = [a + h * b for a, b in zip(at, speed, strict=True)]
        return [*there, *speed, *slopes(mode, potential, at)]

    begin = [0.0, 8.0, 0.75, 0.0, 0.0, 0.0]
    x, y, speed_x, speed_y, *_ = loop(turn, begin, lambda state: state[1] <= 0)
    return (x - y / speed_y * speed_x) ** 2


def particle(modes: str) -> Callable[[Any, Any], Made]:
    """The charge's place for which the particle meets the origin."""

    def end(w: Sequence[Any], loop: Any) -> Any:
        return landed(w[0], modes[1], loop)

    def made(engine: Any, given: Any) -> Made:
        start = [given["w"]]
        f, slope = engine.looped(end, modes[0], start)
        return lambda: lowest(f, slope, start, turns), lambda found: float(found[0])

    return made


def turns(turn: Callable[..., Any], state: Sequence[Any], ended: Any) -> Sequence[Any]:
    """The state in the end."""
    while not ended(state):
        state = turn(state)
    return state


def saddle(modes: str) -> Callable[[Any, Any], Made]:
    """Where a function is smallest in x while largest in y."""

    def height(x: Sequence[Any], y: Sequence[Any]) -> Any:
        return inner(x, x) - inner(y, y)

    def made(engine: Any, given: Any) -> Made:
        start = given["start"]

        def highest(x: Sequence[Any], mode: str, loop: Any) -> list[Any]:
            def below(y: Sequence[Any]) -> Any:
                return -height(x, y)

            return lowest(below, lambda y: slopes(mode, below, y), start, loop)

        def top(x: Sequence[Any], loop: Any) -> Any:
            return height(x, highest(x, modes[1], loop))

        f, slope = engine.looped(top, modes[0], start)
        (last,) = engine.looped(lambda x, loop: highest(x, modes[0], loop), "", start)

        def run() -> list[Any]:
            x = lowest(f, slope, start, turns)
            return [*x, *last(x)]

        return run, numbers

    return made


MODES = ("ff", "fr", "rf", "rr")
EVALS: dict[str, dict[str, Callable[[Any, Any], Made]]] = {
    "hello": {"square": square, "double": double},
    "det": {"primal": det("value"), "gradient": det("gradient")},
    "llsq": {"primal": llsq("total"), "gradient": llsq("total_gradient")},
    "lse": {"primal": lse("value"), "gradient": lse("gradient")},
    "ode": {"primal": ode("value"), "gradient": ode("gradient")},
    "kmeans": {"cost": kmeans("total"), "dir": kmeans("newton")},
    "gmm": {"objective": gmm("total"), "jacobian": gmm("total_gradient")},
    "lstm": {"objective": lstm("value"), "jacobian": lstm("gradient")},
    "ba": {"objective": bundle("each"), "jacobian": bundle("each_jacobian")},
    "ht": {"objective": hand("each"), "jacobian": hand("each_jacobian")},
    "particle": {modes: particle(modes) for modes in MODES},
    "saddle": {modes: saddle(modes) for modes in MODES},
}
"""By module and function."""
