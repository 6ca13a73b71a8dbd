"""NIST's 27 nonlinear regressions, from both starts: how many digits come out right.

    python benchmarks/run.py nist [--only Misra] [--out DIR]

The Statistical Reference Datasets of the National Institute of Standards and Technology
are problems whose solution is certified to 11 digits. nist.json holds the numbers of
its files as they are (rows are y, then x; works of the United States government, in
the public domain); the models stand below as Python. Each is fitted by SciPy's trust
region with four derivatives: `jacobian` of the residuals, `Program.jacobian` of the
compiled model, and SciPy's own differences of two and three points. A fit counts with
six digits in its worst parameter, and in its worst standard deviation, from the
derivatives at the solution. The digits do not depend on the machine's speed; the
seconds, one run, do. Exit status 1 where `jacobian` or the program misses a solution.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path

import numpy as np

from autograd import Value, atan, compile, cos, exp, ieee, jacobian, log, sin

DIGITS = 6
TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 10_000}


def bells(b, x):
    """A decay and two bell curves."""
    first, second = exp(-(((x - b[3]) / b[4]) ** 2)), exp(-(((x - b[6]) / b[7]) ** 2))
    return b[0] * exp(-b[1] * x) + b[2] * first + b[5] * second


def cubics(b, x):
    """A cubic over a cubic."""
    above = b[0] + x * (b[1] + x * (b[2] + x * b[3]))
    return above / (1 + x * (b[4] + x * (b[5] + x * b[6])))


def decays(b, x):
    """Three decays."""
    return sum(b[k] * exp(-b[k + 1] * x) for k in (0, 2, 4))


def cycles(b, x):
    """A mean and three cycles, the first of a year."""
    total = b[0]
    for months, cosine, sine in ((12, b[1], b[2]), (b[3], b[4], b[5]), (b[6], *b[7:])):
        angle = 2 * math.pi * x / months
        total = total + cosine * cos(angle) + sine * sin(angle)
    return total


MODELS = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1 - exp(-b[1] * x)),
    "Chwirut1": lambda b, x: exp(-b[0] * x) / (b[1] + b[2] * x),
    "Chwirut2": lambda b, x: exp(-b[0] * x) / (b[1] + b[2] * x),
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": cycles,
    "Eckerle4": lambda b, x: b[0] / b[1] * exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": bells,
    "Gauss2": bells,
    "Gauss3": bells,
    "Hahn1": cubics,
    "Kirby2": lambda b, x: (
        (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2)
    ),
    "Lanczos1": decays,
    "Lanczos2": decays,
    "Lanczos3": decays,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * exp(-x * b[3]) + b[2] * exp(-x * b[4]),
    "Misra1a": lambda b, x: b[0] * (1 - exp(-b[1] * x)),
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x, heat: b[0] - b[1] * x * exp(-b[2] * heat),
    "Rat42": lambda b, x: b[0] / (1 + exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - atan(b[2] / (x - b[3])) / math.pi,
    "Thurber": cubics,
}
RESPONSE = {"Nelson": log}
"""What is fitted, where it is not y itself."""


class Problem:
    """One data set: residuals of the parameters, and NIST's answers."""

    def __init__(self, name):
        found = json.loads((Path(__file__).parent / "nist.json").read_text())[name]
        self.model, self.level = MODELS[name], found["level"]
        self.starts, self.squares = found["starts"], found["squares"]
        self.certified, self.deviations = found["certified"], found["deviations"]
        response = RESPONSE.get(name, float)
        self.y = [response(float(y)) for y, *_ in found["rows"]]
        self.X = [[float(x) for x in xs] for _, *xs in found["rows"]]

    def residuals(self, b):
        """Model minus data, of numbers or of Values."""
        pairs = zip(self.X, self.y, strict=True)
        return [self.model(b, *x) - y for x, y in pairs]

    def digits(self, solution, slopes):
        """Those of the worst parameter, and of the worst standard deviation."""
        errors = np.array(self.residuals(solution.tolist()))
        freedom = len(self.y) - len(solution)
        triangle = np.linalg.qr(np.asarray(slopes), mode="r")
        inverse = np.linalg.solve(triangle, np.eye(len(solution)))
        spread = np.sqrt((inverse**2).sum(axis=1) * (errors @ errors) / freedom)
        return agreeing(solution, self.certified), agreeing(spread, self.deviations)


def agreeing(found, certified):
    """The digits in which all of these agree; 11, as many as are certified, at most."""
    off = np.max(np.abs(np.array(found) / np.array(certified) - 1))
    return 0.0 if not off < 1 else min(11.0, -math.log10(max(off, 1e-11)))


# ---- derivatives ---------------------------------------------------------------------


def eager(problem):
    """The residuals, and `jacobian` of them."""
    slopes = jacobian(problem.residuals)
    return (
        lambda b: np.array(problem.residuals(b.tolist())),
        lambda b: np.array(slopes(b.tolist())),
    )


def compiled(problem):
    """The same of a program, whose parameters are those of the model."""
    parameters = [Value(x) for x in problem.certified]
    inputs = len(problem.X[0])
    program = compile(lambda *x: problem.model(parameters, *x), inputs, parameters)
    X, y = np.array(problem.X), np.array(problem.y)
    return lambda b: program(X, b) - y, lambda b: program.jacobian(X, b)


def differences(points):
    """SciPy's own, of the residuals as they are."""
    return lambda problem: (eager(problem)[0], f"{points}-point")


ENGINES = {
    "`jacobian`": eager,
    "compiled": compiled,
    "differences of 2 points": differences(2),
    "differences of 3 points": differences(3),
}
OURS = list(ENGINES)[:2]


def fitted(problem, start, engine):
    """The digits of parameters and deviations that a fit from this start gives."""
    from scipy.optimize import least_squares

    residuals, slopes = engine(problem)
    with ieee(), np.errstate(all="ignore"):
        try:
            fit = least_squares(
                residuals, start, slopes, method="trf", x_scale="jac", **TIGHT
            )
            return problem.digits(fit.x, fit.jac)
        except (ValueError, np.linalg.LinAlgError):  # no number any more, or singular
            return 0.0, 0.0


def main(argv):
    """Fit, print the table, write the digits."""
    parser = argparse.ArgumentParser(prog="run.py nist")
    parser.add_argument("--only", default="", help="data sets whose names hold this")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(argv)
    names = [name for name in MODELS if options.only in name]
    results = {name: {} for name in names}
    print("| derivatives | parameters | standard deviations | seconds |")
    print("| --- | --- | --- | --- |")
    for label, engine in ENGINES.items():
        began = time.perf_counter()
        for name in names:
            problem = Problem(name)
            found = [fitted(problem, start, engine) for start in problem.starts]
            results[name][label] = found
        right = [right_ones(results, label, which) for which in (0, 1)]
        shown = " | ".join(f"{count} of {2 * len(names)}" for count in right)
        print(f"| {label} | {shown} | {time.perf_counter() - began:.1f} |", flush=True)
    for name, label, start in missed(results):
        print(f"{name}, start {start}: missed with {label}")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "nist.json").write_text(json.dumps(results, indent=1) + "\n")
    sys.exit(any(label in OURS for _, label, _ in missed(results)))


def right_ones(results, label, which):
    """How many fits have the digits."""
    fits = [fit for found in results.values() for fit in found[label]]
    return sum(fit[which] >= DIGITS for fit in fits)


def missed(results):
    """Where the parameters have fewer digits: data set, derivatives, start."""
    return [
        (name, label, start)
        for name, found in results.items()
        for label in ENGINES
        for start, (digits, _) in enumerate(found.get(label, []), 1)
        if digits < DIGITS
    ]
