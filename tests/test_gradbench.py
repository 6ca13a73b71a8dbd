"""Our adapter to GradBench: every task, small, against NumPy and differences."""

import json
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite")
FOLDER = Path(__file__).parent.parent / "benchmarks" / "gradbench"
sys.path.insert(0, str(FOLDER))

import evals  # noqa: E402
import preparing  # noqa: E402
import tool  # noqa: E402

RNG = np.random.default_rng(7)


def uniform(*shape):
    return RNG.uniform(0.1, 1, shape)


# ---- what the tasks are, in NumPy ----------------------------------------------------


def polynomial(x, n):
    t = np.linspace(-1, 1, n)
    return ((np.sign(t) - np.polyval(x[::-1], t)) ** 2).sum() / 2


def solution(x, steps):
    n = len(x)
    A = np.diag(x[1:], -1)
    b = np.zeros(n)
    b[0] = x[0]
    y, h = np.zeros(n), 2 / steps
    for _ in range(steps):
        k1 = A @ y + b
        k2 = A @ (y + h / 2 * k1) + b
        k3 = A @ (y + h / 2 * k2) + b
        k4 = A @ (y + h * k3) + b
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def distances(centers, points):
    return ((centers[:, None] - points[None]) ** 2).sum(2).min(0).sum()


def posterior(alpha, mu, q, l, x, m, gamma):
    """By densities and determinants, nothing simplified."""
    (n, d), phi = x.shape, np.exp(alpha) / np.exp(alpha).sum()
    likelihood, prior, v = np.zeros(n), 0.0, d + m + 1
    for k in range(len(alpha)):
        Q = np.diag(np.exp(q[k]))
        Q.T[np.triu_indices(d, 1)] = l[k]
        P = Q.T @ Q
        away = x - mu[k]
        forms = np.einsum("ni,ij,nj->n", away, P, away)
        scale = math.sqrt((2 * math.pi) ** d / np.linalg.det(P))
        likelihood += phi[k] * np.exp(-forms / 2) / scale
        gammas = sum(math.lgamma((v - j) / 2) for j in range(d))
        gammas += d * (d - 1) / 4 * math.log(math.pi)
        prior += (v - d - 1) / 2 * math.log(np.linalg.det(P))
        prior -= gamma**2 * np.trace(P) / 2 + gammas
        prior -= v * d / 2 * math.log(2) - v * d * math.log(gamma)
    return np.log(likelihood).sum() + prior


def recurrent(main, extra, state, sequence):
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    s, total = [row.copy() for row in state], 0.0
    for x, wanted in pairwise(sequence):
        x = x * extra[0]
        for n in range(0, len(s), 2):
            z = np.concatenate([x, s[n], x, s[n]]) * main[n] + main[n + 1]
            f, i, o, c = np.split(z, 4)
            s[n + 1] = s[n + 1] * sigmoid(f) + sigmoid(i) * np.tanh(c)
            x = s[n] = sigmoid(o) * np.tanh(s[n + 1])
        y = x * extra[1] + extra[2]
        total += wanted @ (y - np.log(2 + np.exp(y).sum()))
    return -total / (len(sequence) - 1) / sequence.shape[1]


def rotation(turn):
    """As the exponential of a matrix, by its series."""
    a, b, c = turn
    K = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
    total = term = np.eye(3)
    for n in range(1, 30):
        term = term @ K / n
        total = total + term
    return total


def seen(row):
    turn, center, f, middle, bend = row[:3], row[3:6], row[6], row[7:9], row[9:11]
    x = rotation(turn) @ (row[11:14] - center)
    p = x[:2] / x[2]
    r = p @ p
    return row[14] * (p * (1 + bend[0] * r + bend[1] * r * r) * f + middle - row[15:])


def hand_errors(w, given):
    model, us = given["data"]["model"], np.reshape(given["us"], (-1, 2))
    us, theta = w[: us.size].reshape(-1, 2), w[us.size :]
    angles, place = np.zeros((model["bone_count"], 3)), 6
    for finger in range(5):
        for joint in range(3):
            angles[2 + 4 * finger + joint, 0] = theta[place]
            place += 1
            if joint == 0:
                angles[2 + 4 * finger, 1] = theta[place]
                place += 1
    absolute = []
    for n, base in enumerate(np.array(model["base_relatives"])):
        x, z, y = angles[n]
        local = np.eye(4)
        axes = np.eye(3)
        local[:3, :3] = (
            rotation(z * axes[2]) @ rotation(y * axes[1]) @ rotation(x * axes[0])
        )
        parent = model["parents"][n]
        own = base @ local
        absolute.append(own if parent == -1 else absolute[parent] @ own)
    moves = np.array(absolute) @ np.array(model["inverse_base_absolutes"])
    positions = np.einsum(
        "vb,bij,vj->vi",
        np.array(model["weights"]),
        moves,
        np.array(model["base_positions"]),
    )
    there = positions[:, :3] @ rotation(theta[:3]).T + theta[3:6]
    matches = np.array(given["data"]["correspondences"])
    if us.size:
        corners = there[np.array(model["triangles"])[matches]]
        shares = np.column_stack([us, 1 - us.sum(1)])
        there = np.einsum("nc,nci->ni", shares, corners)
    else:
        there = there[matches]
    return (np.array(given["data"]["points"]) - there).ravel()


def differences(f, x, step=1e-5):
    """Central differences of f by every number of x, the last axis."""
    x, found = np.array(x, float), []
    for n in range(x.size):
        ends = []
        for sign in (1, -1):
            moved = x.ravel().copy()
            moved[n] += sign * step
            ends.append(np.asarray(f(moved.reshape(x.shape))))
        found.append((ends[0] - ends[1]) / (2 * step))
    return np.moveaxis(np.array(found), 0, -1)


# ---- the inputs ----------------------------------------------------------------------


def mixture():
    d, k = 3, 2
    return {
        "alpha": uniform(k).tolist(),
        "mu": uniform(k, d).tolist(),
        "q": uniform(k, d).tolist(),
        "l": uniform(k, d * (d - 1) // 2).tolist(),
        "x": uniform(5, d).tolist(),
        **{"d": d, "k": k, "n": 5, "m": 1, "gamma": 0.8},
    }


def text():
    return {
        "main_params": uniform(4, 12).tolist(),
        "extra_params": uniform(3, 3).tolist(),
        "state": uniform(4, 3).tolist(),
        "sequence": RNG.integers(0, 2, (6, 3)).astype(float).tolist(),
    }


def scene():
    values = {"cam": uniform(11), "x": uniform(3) + 1, "feat": uniform(2)}
    return {name: x.tolist() for name, x in values.items()} | {
        **{"n": 2, "m": 3, "p": 4, "w": 0.7},
    }


def tracked(complicated):
    def affine():
        return np.vstack([uniform(3, 4), [0, 0, 0, 1]]).tolist()

    bones, vertices, points = 22, 6, 3
    weights = uniform(vertices, bones) * (uniform(vertices, bones) > 0.7)
    return {
        "theta": uniform(26).tolist(),
        "us": uniform(points, 2).tolist() if complicated else [],
        "data": {
            "correspondences": [1, 0, 1],
            "points": uniform(points, 3).tolist(),
            "model": {
                "bone_count": bones,
                "parents": [-1, *[max(0, n // 2) for n in range(1, bones)]],
                "base_relatives": [affine() for _ in range(bones)],
                "inverse_base_absolutes": [affine() for _ in range(bones)],
                "base_positions": np.hstack(
                    [uniform(vertices, 3), np.ones((vertices, 1))]
                ).tolist(),
                "weights": weights.tolist(),
                "triangles": [[0, 1, 2], [5, 3, 4]],
                "is_mirrored": False,
            },
        },
    }


def flat_mixture(given):
    return evals.Mixture(given).flat()


def mixed(given, w):
    parts = {k: np.array(v) for k, v in evals.Mixture(given).parts(list(w)).items()}
    x = np.array(given["x"])
    return posterior(**parts, x=x, m=given["m"], gamma=given["gamma"])


def cases():
    """Module, function, input, and what the output has to be."""
    A = uniform(4, 4)
    flat = {"A": A.ravel().tolist(), "ell": 4}
    yield "hello", "square", 1.5, 2.25
    yield "hello", "double", 1.5, 3.0
    yield "det", "primal", flat, np.linalg.det(A)
    yield "det", "gradient", flat, (np.linalg.det(A) * np.linalg.inv(A).T).ravel()
    x = uniform(4).tolist()
    given = {"x": x, "n": 7}
    yield "llsq", "primal", given, polynomial(x, 7)
    yield "llsq", "gradient", given, differences(lambda x: polynomial(x, 7), x)
    powers = np.exp(x)
    yield "lse", "primal", {"x": x}, np.log(powers.sum())
    yield "lse", "gradient", {"x": x}, powers / powers.sum()
    given = {"x": x, "s": 3}
    yield "ode", "primal", given, solution(x, 3)
    yield "ode", "gradient", given, differences(lambda x: solution(x, 3)[-1], x)
    points, centers = uniform(9, 2), uniform(3, 2)
    centers = points[:3] + 0.01
    given = {"points": points.tolist(), "centroids": centers.tolist()}
    yield "kmeans", "cost", given, distances(centers, points)
    near = ((centers[:, None] - points[None]) ** 2).sum(2).argmin(0)
    means = np.array([points[near == k].mean(0) for k in range(3)])
    yield "kmeans", "dir", given, centers - means
    given = mixture()
    yield "gmm", "objective", given, mixed(given, flat_mixture(given))
    slopes = differences(lambda w, g=given: mixed(g, w), flat_mixture(given))
    yield "gmm", "jacobian", given, evals.Mixture(given).parts(slopes.tolist())
    given = text()
    arrays = [np.array(given[name]) for name in given]
    sizes = arrays[0].size

    def lost(w):
        parts = w[:sizes].reshape(4, 12), w[sizes:].reshape(3, 3)
        return recurrent(*parts, *arrays[2:])

    yield "lstm", "objective", given, recurrent(*arrays)
    w = np.concatenate([arrays[0].ravel(), arrays[1].ravel()])
    yield "lstm", "jacobian", given, differences(lost, w)
    given = scene()
    row = np.array([*given["cam"], *given["x"], given["w"], *given["feat"]])
    elements = {"elements": seen(row), "repeated": 4}
    errors = {"reproj_error": elements, "w_err": {"element": 0.51, "repeated": 4}}
    yield "ba", "objective", given, errors
    block = differences(seen, row)[:, :15]
    columns = [*range(11), *range(22, 25), 31]
    rows = [*range(0, 121, 15), 121, 122, 123, 124]
    entries = {"rows": [*rows, 124], "cols": columns * 2 + [34]}
    yield "ba", "jacobian", given, entries | {"vals": [*block.ravel(), -1.4]}
    for complicated in (False, True):
        given = tracked(complicated)
        w = np.array([*np.ravel(given["us"]), *given["theta"]])
        yield "ht", "objective", given, hand_errors(w, given)
        slopes = differences(lambda w, g=given: hand_errors(w, g), w)
        if complicated:
            own = [slopes[n, n // 3 * 2 : n // 3 * 2 + 2] for n in range(len(slopes))]
            slopes = np.hstack([own, slopes[:, 6:]])
        yield "ht", "jacobian", given, slopes


CASES = list(cases())
NAMES = [f"{module} {function}" for module, function, _, _ in CASES]


def assert_near(found, wanted):
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for name in wanted:
            assert_near(found[name], wanted[name])
    else:
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("case", range(len(CASES)), ids=NAMES)
@pytest.mark.parametrize("name", preparing.ENGINES)
def test_every_task(name, case):
    module, function, given, wanted = CASES[case]
    message = {"id": 0, "module": module, "function": function, "input": given}
    answer = tool.evaluated(message, preparing.ENGINES[name]())
    assert_near(json.loads(json.dumps(answer))["output"], wanted)


ENGINES = pytest.mark.parametrize("name", preparing.ENGINES)


@ENGINES
def test_a_function_with_a_loop(name, monkeypatch):
    """A root by Newton's steps, more of them than a program takes at once."""
    monkeypatch.setattr(preparing, "TURNS", 3)

    def root(x, loop):
        def turn(state):
            return [(state[0] + x[0] * x[1] / state[0]) / 2]

        (y,) = loop(turn, [x[0]], lambda y: abs(y[0] ** 2 - x[0] * x[1]) <= 1e-12)
        return x[0] * y

    f, back, along = preparing.ENGINES[name]().looped(root, "rf", [3.0, 0.5])
    for a, b in ((3.0, 0.5), (2.0, 40.0)):
        assert f([a, b]) == pytest.approx(a * math.sqrt(a * b))
        wanted = [1.5 * math.sqrt(a * b), a * a / 2 / math.sqrt(a * b)]
        assert back([a, b]) == pytest.approx(wanted)
        assert along([a, b]) == pytest.approx(wanted)


@pytest.mark.parametrize(
    "modes",
    ["rf", *[pytest.param(x, marks=pytest.mark.slow) for x in ("ff", "fr", "rr")]],
)
@ENGINES
def test_a_trajectory_within_a_descent(name, modes, monkeypatch):
    """Its derivative, by differences of what it computes."""
    monkeypatch.setattr(preparing, "TURNS", 8)
    f, slope = preparing.ENGINES[name]().looped(
        lambda w, loop: evals.landed(w[0], modes[1], loop), modes[0], [0.3]
    )
    ends = [f([0.3 + h]) for h in (1e-6, -1e-6)]
    assert slope([0.3])[0] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


@pytest.mark.parametrize("modes", ["rr", pytest.param("ff", marks=pytest.mark.slow)])
@pytest.mark.parametrize("module", ["particle", "saddle"])
def test_descents_end_where_they_should(module, modes, monkeypatch):
    monkeypatch.setattr(preparing, "TURNS", 8)
    given = {"particle": {"w": 0.2}, "saddle": {"start": [1.0, -0.8]}}[module]
    message = {"module": module, "function": modes, "input": given}
    found = tool.evaluated(message, preparing.Compiled())["output"]
    if module == "saddle":
        assert found == pytest.approx([0.0] * 4, abs=1e-4)
    else:
        assert evals.landed(found, "r", evals.turns) < 1e-6


def test_all_modules_have_a_test():
    assert set(evals.EVALS) == {case[0] for case in CASES} | {"particle", "saddle"}


def test_the_protocol():
    messages = [
        {"id": 0, "kind": "start", "eval": "hello"},
        {"id": 1, "kind": "define", "module": "hello"},
        {"id": 2, "kind": "define", "module": "nothing"},
        {"id": 3, "kind": "evaluate", "module": "hello", "function": "double"},
        {"id": 4, "kind": "analysis", "of": 3, "valid": True},
        {"id": 5, "kind": "evaluate", "module": "hello", "function": "half"},
    ]
    messages[3]["input"] = 3.0
    messages[5]["input"] = 3.0
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, str(FOLDER / "tool.py"), "eager"],
        env=inherited,  # its modules lie beside it
        input="".join(json.dumps(each) + "\n" for each in messages),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == list(range(6))
    assert answers[0]["tool"] == "chainrule-eager"
    assert [answers[n]["success"] for n in (1, 2, 3, 5)] == [True, False, True, False]
    assert answers[3]["output"] == 6.0
    assert "half" in answers[5]["error"]


def test_as_many_runs_as_are_asked_for():
    given = {"x": [0.1, 0.2], "min_runs": 5, "min_seconds": 0}
    message = {"module": "lse", "function": "primal", "input": given}
    timings = tool.evaluated(message, preparing.Eager())["timings"]
    assert [each["name"] for each in timings] == ["prepare"] + ["evaluate"] * 5
