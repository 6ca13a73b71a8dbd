"""The program: a recorded graph that runs over a batch.

>>> from autograd import Value, tanh
>>> w, b = Value(0.5, label="w"), Value(0.1, label="b")
>>> program = compile(lambda x: tanh(w * x + b), inputs=1, parameters=[w, b])
>>> [round(y, 12) for y in program([[0.0], [1.0]]).tolist()]
[0.099667994625, 0.537049566998]
>>> value, slopes = program.value_and_grad([[0.0], [1.0]])
>>> slopes.shape
(2,)
"""

from __future__ import annotations

import functools
import importlib.util
import operator
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, SupportsIndex, final

from autograd.collector import collector_paused
from autograd.compiler import storage
from autograd.compiler.arrays import finite, numpy, table, vector
from autograd.compiler.chains import joined
from autograd.compiler.instructions import (
    Code,
    CompileError,
    Kernel,
    listing,
)
from autograd.compiler.llvm.expansions import native
from autograd.compiler.matrices import found, fused
from autograd.compiler.names import notable
from autograd.compiler.numpy_backend import NumpyKernel, has_form
from autograd.compiler.passes import (
    LOWERED,
    Report,
    forward_kernel,
    gradient_kernel,
    hvp_kernel,
    input_kernel,
    jacobian_kernel,
    optimize,
    write_out,
)
from autograd.compiler.places import of_parameters, without_places
from autograd.compiler.prepared import Prepared, with_doubts
from autograd.compiler.recording import (
    flattened,
    from_function,
    from_graph,
    listed,
    required,
)
from autograd.compiler.repeats import LONG, Rolled, described, narrow, pays, rolled
from autograd.compiler.steps import ArrayProgram, Leaf
from autograd.family import missing
from autograd.operation import Operation
from autograd.value import Value, packed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from autograd.compiler.mathematics import Line

    Array = NDArray[np.float64]

MADE: Final = {
    "gradient": gradient_kernel,
    "input": input_kernel,
    "hvp": hvp_kernel,
}
NUMPY, LLVM = "numpy", "llvm"
SINGLE: Final = {
    "valueAndGrad": (
        "gradient",
        "{ value: totals[totals.length - 1], gradient: totals.subarray(0, -1) }",
        "The mean of the output over the rows, and its gradient by the parameters.",
    ),
    "inputGrad": (
        "input",
        "outputs",
        "For every row the output, and its derivative by every input.",
    ),
}
"""What JavaScript has of a single output: the pass, the result, and what it is."""
SHOWN: Final = 90  # lines of each part of a program, as text
INSTALL: Final = 'python -m pip install "chainrule[fast]"'


def compile(
    outputs: Value | Sequence[Any] | Callable[..., Any],
    inputs: Sequence[Value] | SupportsIndex | None = None,
    parameters: Sequence[Value] = (),
    *,
    backend: str = "auto",
    threads: int = 1,
) -> Program:
    """Turn a recorded graph, or a function, into a program that runs over a batch.

    outputs: a Value, several Values, or a function. A function is called with one
        stand-in Value per input, `f(x1, ..., xn)`, and returns a Value or a list, tuple
        or array of them, which may be nested. Branching in Python on what depends on an
        input raises CompileError, with the line and what to write instead; so does
        drawing random numbers, and computing something else in a second call, which
        is made to find that out: what the function prints appears twice. A recorded
        graph has the branches that Python took at the numbers of its recording, and a
        derivative by `create_graph` those of the partial derivatives; it keeps them for
        every row, and warns where that is known.
    inputs: the leaves that get a new number for every row, in the order of the columns
        of `X`; for a function, how many there are, by default as many as it requires.
        A leaf that the outputs do not depend on is fine: its column has no effect.
    parameters: the leaves that the gradient is taken by, in the order of its entries.
        One that the outputs do not depend on has the derivative 0. Any other leaf
        keeps the number it has now.
    backend: "llvm" for machine code, "numpy", or "auto": llvm where llvmlite is
        installed.
    threads: how many threads share the rows of a large batch (llvm only).

    Raises ValueError for an input or parameter that is not a leaf or is given twice,
    CompileError (a TypeError) for what no program can stand for.

    >>> x, w = Value(2.0), Value(3.0)
    >>> program = compile(w * x**2, [x], [w])
    >>> program([[1.0], [2.0]]).tolist(), program.value_and_grad([[1.0], [2.0]])[0]
    ([3.0, 12.0], 7.5)
    """
    leaves = listed(parameters, "parameters")
    labels: list[str] = []
    if callable(outputs) and not isinstance(outputs, Value):
        count = _arguments(outputs, inputs)
        code, positions, shape = from_function(outputs, count, leaves)
    elif isinstance(inputs, SupportsIndex):
        raise TypeError(
            "inputs is a number, which goes with a function: for a recorded graph "
            "pass the list of its input leaves"
        )
    else:
        values, shape = _values(outputs)
        wanted = listed(() if inputs is None else inputs, "inputs")
        code, positions = from_graph(values, wanted, leaves)
        count, labels = len(wanted), [value.label for value in wanted]
    return Program(code, positions, shape, count, leaves, backend, threads, labels)


def _arguments(
    function: Callable[..., Any], inputs: Sequence[Value] | SupportsIndex | None
) -> int:
    """How many arguments the function is called with."""
    if inputs is None:
        return required(function)
    if isinstance(inputs, SupportsIndex):
        return operator.index(inputs)
    if isinstance(inputs, Sequence) and not inputs:
        return 0
    raise TypeError(
        "for a function, inputs is how many arguments it takes: compile(f, inputs=2, "
        f"parameters=[...]); got {inputs!r:.60}"
    )


def _values(outputs: Any) -> tuple[list[Value], tuple[int, ...]]:
    """The outputs of a recorded graph, and their shape."""
    nested = outputs if isinstance(outputs, Value) else listed(outputs, "outputs")
    values, shape = flattened(nested)
    for value in values:
        if not isinstance(value, Value):
            raise TypeError(
                f"an output is {value!r} of type {type(value).__name__}; pass Values"
            )
    if not values:
        raise ValueError("there are no outputs; pass a Value or several")
    return values, shape


def _choose(backend: str) -> str:
    if backend == "auto":
        return LLVM if importlib.util.find_spec("llvmlite") is not None else NUMPY
    if backend not in (NUMPY, LLVM):
        raise ValueError(f"unknown backend {backend!r}; choose auto, llvm or numpy")
    if backend == LLVM and importlib.util.find_spec("llvmlite") is None:
        raise ImportError(f"the backend llvm needs llvmlite: {INSTALL}")
    return backend


@final
class Program:
    """A graph compiled for batches; made by `compile`.

    Every call takes `X` of shape (N, I): one row per sample, one column per input, as
    float64 (lists and other real numbers are converted). A program without inputs needs
    none, and computes one row. Optionally a call takes the parameters as P numbers;
    without them, those that the parameter Values hold at that moment. Arithmetic is
    IEEE 754: where recording would raise an error, a row gets nan or inf, and only that
    row. Results equal the recorded graph's to about 12 digits: a multiplication and an
    addition may be joined without rounding between them, and a mean over rows is summed
    in another order.

    inputs, parameters: the number of inputs, and the parameter Values.
    threads: how many threads share the rows of a large batch.
    """

    def __init__(
        self,
        code: Code,
        outputs: Sequence[int],
        shape: tuple[int, ...],
        inputs: int,
        parameters: list[Value],
        backend: str,
        threads: int,
        labels: Sequence[str] = (),
    ) -> None:
        if not isinstance(threads, int) or threads < 1:
            raise ValueError(f"threads is a whole number from 1; got {threads!r}")
        self._backend = _choose(backend)
        self._products = True
        self.inputs = inputs
        self.parameters = parameters
        self.threads = threads
        self._code = code
        self._outputs = list(outputs)
        self._shape = shape
        self._labels = tuple(labels)
        self._kernels: dict[str, tuple[Kernel, list[Report]]] = {}
        self._written: dict[str, tuple[Kernel, str]] = {}
        self._ready: dict[str, Any] = {}
        self._rolled: list[Rolled | None] = []

    # ---- running ---------------------------------------------------------------------

    def __call__(self, X: Any = None, parameters: Any = None) -> Array:
        """The output for every row: (N,), or (N, K) for a list of K outputs.

        Nested lists of them, m of n each, give (N, m, n), and so on.
        """
        outputs, _ = self._asked("forward", X, parameters)
        if not self._shape:
            return outputs.ravel()  # the same numbers, in a quarter of the time
        return outputs.reshape(len(outputs), *self._shape)

    def value_and_grad(
        self, X: Any = None, parameters: Any = None, *, reduction: str = "mean"
    ) -> tuple[float, Array]:
        """The mean of the output over the rows, and its gradient by the parameters.

        reduction: "mean", or "sum" for the sum over the rows.

        Returns a float and an array (P,). Over no rows, means are nan and sums 0.
        Raises ValueError where there are several outputs.

        >>> x, w = Value(2.0), Value(3.0)
        >>> compile(w * x, [x], [w]).value_and_grad([[1.0], [2.0]], reduction="sum")
        (9.0, array([3.]))
        """
        sums = self._over_rows("gradient", X, self.numbers(parameters), reduction)
        return float(sums[-1]), sums[:-1]

    def jacobian(self, X: Any = None, parameters: Any = None) -> Array:
        """The derivative of every output by every parameter, for every row.

        Returns (N, P) for a single output, (N, K, P) for a list of K, and so on. It is
        what a least-squares fit and its error bars are made from.

        >>> x, w, b = Value(2.0), Value(3.0), Value(1.0)
        >>> compile(w * x**2 + b, [x], [w, b]).jacobian([[1.0], [2.0]]).tolist()
        [[1.0, 1.0], [4.0, 1.0]]
        """
        slopes, _ = self._asked("jacobian", X, parameters)
        return slopes.reshape(len(slopes), *self._shape, len(self.parameters))

    def hvp(
        self, X: Any, v: Any, parameters: Any = None, *, reduction: str = "mean"
    ) -> Any:
        """The Hessian by the parameters times a vector, without the Hessian itself.

        The Hessian is that of the mean of the output over the rows.

        v: P numbers. reduction: "mean" or "sum". Returns (P,). Raises ValueError where
        there are several outputs.

        >>> x, w = Value(2.0), Value(3.0)
        >>> compile(w**3 * x, [x], [w]).hvp([[1.0], [2.0]], [1.0]).tolist()
        [27.0]
        """
        count = len(self.parameters)
        both = numpy().concatenate([self.numbers(parameters), vector(v, count)])
        return self._over_rows("hvp", X, both, reduction)[:count]

    def hessian(
        self, X: Any = None, parameters: Any = None, *, reduction: str = "mean"
    ) -> Any:
        """The Hessian by the parameters of the mean of the output over the rows.

        reduction: "mean" or "sum". Returns (P, P), by P products with a vector, so that
        its time is P times that of `hvp`. Raises ValueError where there are several
        outputs.

        >>> a, b = Value(2.0), Value(3.0)
        >>> compile(a**2 * b, [], [a, b]).hessian().tolist()
        [[6.0, 4.0], [4.0, 0.0]]
        """
        numbers, rows = self.numbers(parameters), table(X, self.inputs)
        each = numpy().eye(len(numbers))
        found = [self.hvp(rows, v, numbers, reduction=reduction) for v in each]
        return numpy().array(found).reshape(each.shape)

    def _over_rows(self, kind: str, X: Any, numbers: Any, reduction: str) -> Any:
        """What a kernel adds up: the mean over the rows, or the sum."""
        if reduction not in ("mean", "sum"):
            raise ValueError(f"unknown reduction {reduction!r}; choose mean or sum")
        rows = table(X, self.inputs)
        _, means = self._run(kind, rows, numbers)
        if reduction == "mean":
            return means
        return means * len(rows) if len(rows) else numpy().zeros_like(means)

    def input_grad(self, X: Any = None, parameters: Any = None) -> tuple[Array, Array]:
        """The output for every row, (N,), and its derivative by every input, (N, I)."""
        outputs, _ = self._asked("input", X, parameters)
        return outputs[:, 0], outputs[:, 1:]

    def _asked(self, kind: str, X: Any, parameters: Any) -> tuple[Array, Array]:
        return self._run(kind, table(X, self.inputs), self.numbers(parameters))

    def _run(self, kind: str, rows: Any, numbers: Any) -> tuple[Any, Any]:
        kernel = self._ready.get(kind) or self.kernel(kind)
        found: tuple[Any, Any] = kernel.run(rows, numbers, self.threads)
        masking = self._masking
        if masking is not None and not finite(numbers, *found):
            return masking._run(kind, rows, numbers)
        return found

    @functools.cached_property
    def _masking(self) -> Program | None:
        """The same without products that stand for choices; None where there are none.

        See `places`: it answers where such a product has met inf or nan.
        """
        if not self._products or not of_parameters(self._code):
            return None
        other = Program(
            self._code,
            self._outputs,
            self._shape,
            self.inputs,
            self.parameters,
            self._backend,
            self.threads,
            self._labels,
        )
        other._products = False
        return other

    def numbers(self, parameters: Any = None) -> Any:
        """The parameters as an array (P,): those given, or what the Values hold now."""
        if parameters is not None:
            return vector(parameters, len(self.parameters))
        return numpy().frombuffer(packed(self.parameters)).copy()

    def prepared(self, kind: str, X: Any = None, parameters: Any = None) -> Prepared:
        """A call made ready, for what is called very often over a few rows.

        It holds arrays, which begin as copies of X and the parameters and are written
        in place; calling it computes the results anew, in their arrays. There is
        nothing to check and nothing to make, so that it takes what its arithmetic does
        and less than a microsecond.

        kind: "forward", for `outputs` as calling the program gives them; "gradient",
            for `means`: the P derivatives of the mean over the rows, and the mean;
            "jacobian", for `outputs` as `jacobian` gives them; "input", for `outputs`
            (N, 1 + I): the output, and its derivatives; "hvp", for `means[:P]`: the
            Hessian's product with the vector `parameters[P:]`, which begins as zeros,
            and `means[P : 2 * P]`: the gradient, which that is made of.

        Raises ValueError where X has no rows, and for another kind.

        >>> x, w = Value(2.0), Value(3.0)
        >>> call = compile(w * x**2, [x], [w]).prepared("gradient", [[1.0], [2.0]])
        >>> call()
        >>> call.means.tolist()
        [2.5, 7.5]
        >>> call.parameters[0] = 2.0
        >>> call()
        >>> call.means.tolist()
        [2.5, 5.0]
        """
        shapes = {
            "forward": self._shape,
            "gradient": (0,),
            "jacobian": (*self._shape, len(self.parameters)),
            "input": (1 + self.inputs,),
            "hvp": (0,),
        }
        if kind not in shapes:
            raise ValueError(
                f"there is no kind {kind!r}; there are {', '.join(shapes)}"
            )
        rows, numbers = table(X, self.inputs).copy(), self.numbers(parameters)
        if not len(rows):
            raise ValueError("X has no rows: give one at least, which changes later")
        call: Prepared = self.kernel(kind).prepared(rows, (len(rows), *shapes[kind]))
        call.parameters[: len(numbers)] = numbers
        masking = self._masking
        if masking is None:
            return call
        return with_doubts(call, finite, lambda: masking.prepared(kind, X))

    def kernel(self, kind: str) -> Any:
        """What runs one kind of request, compiled when it is first asked for.

        kind: "forward", "gradient", "input", "jacobian", "hvp", or "training": the mean
            of the first output and its gradient, and the other outputs for every row.
        """
        if kind not in self._ready:
            with collector_paused():
                self._ready[kind] = self._as_turns(kind) or self._as_arrays(kind)
        return self._ready[kind]

    def _as_arrays(self, kind: str) -> Any:
        plan, why_not = self._native(kind)
        return _backend(NUMPY if why_not else self._backend)(plan)

    def _as_turns(self, kind: str) -> Any:
        """What runs it as loops that go through equal steps; None where there are none.

        The derivatives of a loop are loops too: neither they nor the passes nor LLVM
        ever see all of the steps.
        """
        single = kind == "forward" or len(self._outputs) == 1
        if not single or (loops := self._loops()) is None:
            return None
        from autograd.compiler.llvm.turns import turns_kernel

        return turns_kernel(loops, kind)

    def _loops(self) -> Rolled | None:
        """The same as loops, where that says it better; looked for once."""
        if not self._rolled:
            found = None
            long = self._backend == LLVM and len(self._code) >= LONG
            if long and narrow(*self._plain):
                count = len(self.parameters)
                found = rolled(*self._plain, self.inputs, count)
            better = found is not None and pays(found, self._code)
            self._rolled.append(found if better else None)
        return self._rolled[0]

    def descent(self, rule: Program) -> Any:
        """Steps over many batches in one call: see `llvm.descent.Descent`.

        rule: the update, a program of (w, g, *memory) with the parameters (lr, t) whose
            outputs are the next (w, *memory). Whatever it runs on, it becomes a part of
            the same machine code.

        Raises CompileError where one of the two has no machine code.
        """
        why_not = self.why_not("training")
        if why_not or self._backend == NUMPY:
            raise CompileError(why_not or "the program runs on numpy")
        from autograd.compiler.llvm.descent import Descent

        return Descent(
            self.kernel("training"), write_out(rule._plan("forward")[0], native)
        )

    @property
    def backend(self) -> str:
        """What runs it, "llvm" or "numpy"; `explain()` tells why not llvm."""
        ops = self._code.operations() - LOWERED
        known = all(map(native, ops))
        return NUMPY if not known and self._native("forward")[1] else self._backend

    def why_not(self, kind: str) -> str:
        """Why a kernel runs on NumPy although machine code is asked for; or nothing."""
        return self._native(kind)[1]

    def _native(self, kind: str) -> tuple[Kernel, str]:
        """What the backend is given, and why it can't be llvm although it should."""
        plan, _ = self._plan(kind)
        if self._backend == NUMPY:
            return plan, ""
        if kind not in self._written:
            try:
                self._written[kind] = write_out(plan, native), ""
            except CompileError as error:
                self._written[kind] = plan, str(error)
        return self._written[kind]

    def _plan(self, kind: str) -> tuple[Kernel, list[Report]]:
        if kind not in self._kernels:
            labels = [value.label for value in self.parameters]
            labels *= 2 if kind == "hvp" else 1  # and a vector of as many numbers
            made = self._described(kind)._replace(labels=(self._labels, tuple(labels)))
            kernel, reports = optimize(made)
            if kind != "forward":
                size = len(self._code), len(made.code)
                reports.insert(0, Report("differentiate", *size, ""))
            self._kernels[kind] = kernel, reports
        return self._kernels[kind]

    @functools.cached_property
    def _plain(self) -> tuple[Code, list[int]]:
        """The instructions without `take`, and where the outputs are."""
        return without_places(self._code, self._outputs, self._products)

    @functools.cached_property
    def _joined(self) -> tuple[Code, list[int]]:
        """The same with chains as what they are."""
        return joined(*self._plain)

    def _described(self, kind: str) -> Kernel:
        count = len(self.parameters)
        code, outputs = self._joined
        if kind == "forward":
            return forward_kernel(code, outputs, self.inputs, count)
        if kind == "jacobian":
            return jacobian_kernel(code, outputs, self.inputs, count)
        if kind == "training":
            first, *others = outputs
            kernel = gradient_kernel(code, first, self.inputs, count)
            return kernel._replace(outputs=tuple(others))
        if len(outputs) != 1:
            raise ValueError(
                f"this program has {len(outputs)} outputs, and a gradient is of "
                "one: compile the loss, a single Value"
            )
        made = MADE[kind]
        return made(code, outputs[0], self.inputs, count)

    # ---- reading ---------------------------------------------------------------------

    def __str__(self) -> str:
        """What it computes, as mathematics over arrays: `formulas()`, abridged."""
        parts = [_abridged(part, SHOWN) for part in self._mathematics("text")]
        return "\n".join([line for part in parts for line in part])

    def formulas(self, form: str = "text") -> str:
        """A pass forward and back as formulas over the arrays in it, however many.

        Arrays have the labels of the parameters, and else the names of study notes: z
        is a product with a matrix of parameters and what is added to it, a a function
        of that, δ the derivative of the output L by z. A pass of several outputs goes
        forward only.

        form: "text", "markdown" or "latex".
        """
        return "\n".join([line for part in self._mathematics(form) for line in part])

    def arrays(self) -> list[Line]:
        """The arrays of a pass forward and back, for those who show them in their way.

        Each has its name, its formula as in `formulas()` (none for inputs and
        parameters), its sides, and the names of the arrays that the formula reads.
        """
        from autograd.compiler.mathematics import leaves, lines

        program = found(self._shown())
        return [*leaves(program), *lines(program)]

    def _mathematics(self, form: str) -> list[list[str]]:
        from autograd.compiler.mathematics import document

        return document(found(self._shown()), form)

    def instructions(self) -> list[str]:
        """A line for each instruction of a pass forward and back, however many."""
        kernel = self._shown()
        once = [i for i, varies in enumerate(kernel.code.varies) if not varies]
        each = [i for i, varies in enumerate(kernel.code.varies) if varies]
        lines = ["once:", *_indented(listing(kernel.code, once))]
        lines += ["for every row:", *_indented(listing(kernel.code, each))]
        return [*lines, *_indented(_results(kernel))]

    def scalars(self, name: str) -> list[str]:
        """The instructions that an array in `formulas()` stands for, in its order.

        name: of the array, such as "z1". Raises KeyError for one that is not there.
        """
        numbers = self._named().get(name)
        if numbers is None:
            known = ", ".join(self._named())
            raise KeyError(f"there is no array {name!r}; there are {known}")
        lines = dict(enumerate(listing(self._shown().code)))
        return [lines[number] for number in numbers if number in lines]

    def array_of(self, number: int) -> str:
        """The array that an instruction is part of, and its place there: `z1[2]`.

        number: of the instruction in `instructions()`. Raises KeyError for one that is
        part of a formula alone, or not there.
        """
        for name, numbers in self._named().items():
            if number in numbers:
                return f"{name}[{numbers.index(number) + 1}]"
        raise KeyError(f"%{number} is in no array that has a name")

    def _named(self) -> dict[str, tuple[int, ...]]:
        """The instructions of every array that has a name."""
        program = found(self._shown())
        scalars = {number: array.scalars for number, array in program.made()}
        return {name: scalars[number] for number, name in notable(program).items()}

    def _shown(self) -> Kernel:
        """The pass that is shown."""
        kind = "gradient" if len(self._outputs) == 1 else "forward"
        return self._plan(kind)[0]

    def __repr__(self) -> str:
        shape = f"{self.inputs} inputs, {len(self.parameters)} parameters"
        return f"Program({shape}, {len(self._code)} instructions, {self.backend})"

    def explain(self) -> str:
        """What it computes, what each pass did, and what runs the result, as text."""
        shared = self._code.shared
        again = f"; {shared} more were equal to others" if shared else ""
        lines = [str(self), "", f"recorded: {len(self._code)} instructions{again}"]
        for kind in ["forward"] + ["gradient"] * (len(self._outputs) == 1):
            kernel, reports = self._plan(kind)
            lines.append(f"{kind}:")
            for report in reports:
                counts = f"{report.before:>6} -> {report.after:<6}"
                lines.append(f"  {report.name:<14}{counts} {report.notes}".rstrip())
            once = kernel.code.varies.count(False)
            each = kernel.code.varies.count(True)
            lines.append(f"  once {once}, for every row {each}")
            lines.append(f"  {_counted(fused(found(kernel)))}")
            lines.append(f"  {self._backend_line(kind)}")
        return "\n".join(lines)

    def _backend_line(self, kind: str) -> str:
        why_not = self.why_not(kind)
        if why_not:
            return f"runs on numpy, not llvm: {why_not}"
        if self._backend == LLVM:
            loops = self._loops()
            said = f", as loops: {described(loops)}" if loops else ""
            return f"runs on llvm, as machine code of this computer{said}"
        if importlib.util.find_spec("llvmlite") is None:
            return f"runs on numpy; for machine code install llvmlite: {INSTALL}"
        return "runs on numpy"

    # ---- keeping ---------------------------------------------------------------------

    def __getattr__(self, name: str) -> NoReturn:
        raise missing("Program", name, self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program to a file, as JSON: instructions and parameters' numbers.

        The file is written whole or not at all. Raises TypeError for a program with an
        operation of a user's own, which is Python and not data; pickle keeps those.
        """
        if self._code.own:
            raise TypeError(
                f"the operation {next(iter(self._code.own))!r} is declared in Python, "
                "which a file of data can't hold; pickle the program instead"
            )
        storage.write(path, self._as_data())

    @staticmethod
    def load(path: str | os.PathLike[str], *, backend: str = "auto") -> Program:
        """Read a program from a file written by `save`. Nothing in it is executed.

        Its parameters are new leaves with the numbers and labels they were saved with.
        Raises ValueError where the file is not a program.
        """
        program = Program.__new__(Program)
        state = storage.read(path)
        leaves = [Value(float(data), label) for data, label in state["parameters"]]
        program._restore(state, leaves, {}, backend)
        return program

    def _as_data(self) -> dict[str, Any]:
        return storage.described(
            self._code,
            self._outputs,
            self._shape,
            self.inputs,
            [(value.data, value.label) for value in self.parameters],
            self.threads,
            self._labels,
        )

    def __getstate__(self) -> tuple[dict[str, Any], list[Value], dict[str, Operation]]:
        # With the Values themselves, a model and its program are copied as one.
        return self._as_data(), self.parameters, self._code.own

    def __setstate__(
        self, state: tuple[dict[str, Any], list[Value], dict[str, Operation]]
    ) -> None:
        described, leaves, own = state
        self._restore(storage.checked(described, own), leaves, own, "auto")

    def _restore(
        self,
        state: dict[str, Any],
        leaves: list[Value],
        own: dict[str, Operation],
        backend: str,
    ) -> None:
        self.__init__(
            storage.code(state, own),
            state["outputs"],
            tuple(state["shape"]),
            state["inputs"],
            leaves,
            backend,
            state["threads"],
            state["labels"],
        )

    # ---- leaving for another engine --------------------------------------------------

    def to_numpy_source(self, name: str = "program", gradient: bool = False) -> str:
        """A Python function of NumPy arrays as text, which needs chainrule no more.

        It takes `X` (N, I) and, where there are parameters, `parameters` (P,), which
        are without it the numbers that they have now, and returns what calling the
        program returns.

        name: of the function in the text, a Python identifier; ValueError otherwise.
        gradient: whether it returns what `value_and_grad` does.
        """
        from autograd.compiler.export import numpy_source

        kernel = self._exported("gradient" if gradient else "forward")
        return numpy_source(kernel, self._shape, self.numbers(), name)

    def to_jax(self) -> Callable[..., Any]:
        """The same as a function `f(X, parameters)` of JAX arrays.

        It takes and returns the shapes that calling the program does; without
        `parameters`, it takes the numbers that they have now. It can be differentiated,
        with the derivatives of the table also at kinks, jitted, vmapped over sets of
        parameters and sharded over devices. JAX computes in single precision unless
        jax_enable_x64 is set. An operation of a user's own leaves as what its forward
        function does, without the derivatives declared for it.

        Raises ImportError where jax is not installed, and the function ValueError for
        arrays of other shapes.
        """
        from autograd.compiler.export import jax_function

        return jax_function(self._exported(), self._shape, self.numbers())

    def to_javascript(self, functions: Sequence[str] = ()) -> str:
        """An ES module as text, which computes in a browser what the program does here.

        It exports `program(X, parameters)`, the outputs for every row, and where there
        is a single output `valueAndGrad(X, parameters)`, which returns `{value,
        gradient}`, and `inputGrad(X, parameters)`, which returns N * (1 + I) numbers:
        for every row the output and its derivative by every input. X holds N rows of I
        numbers one after the other, as a Float64Array does; results are such arrays.
        Without `parameters` they are `PARAMETERS`, the numbers that they have now.

        functions: those of the three that it exports; without them all that there are.

        Raises CompileError where an operation of a user's own can't be written so, and
        ValueError for a function that there is not.
        """
        from autograd.compiler.javascript import Function, module

        found = {"program": ("forward", "outputs", "The outputs for every row.")}
        if len(self._outputs) == 1:
            found |= SINGLE
        for name in functions:
            if name not in found:
                known = ", ".join(found)
                raise ValueError(f"there is no function {name!r}; there are {known}")
        made = {
            name: Function(self._exported(kind), result, text)
            for name, (kind, result, text) in found.items()
            if name in functions or not functions
        }
        return module(made, [leaf.data for leaf in self.parameters])

    def to_c(self, name: str = "program") -> str:
        """A header in C, which computes what the program does and needs nothing else.

        It has `void NAME(X, rows, parameters, outputs)`, which writes K outputs for
        every row, and where there is a single output `double NAME_gradient(X, rows,
        parameters, gradient)`, which returns the mean over the rows and writes its P
        derivatives, or none where `gradient` is NULL. X holds the rows one after the
        other. `NAME_PARAMETERS` are the numbers that the parameters have now. Two
        threads may call it at once.

        name: of the functions, an identifier of C; ValueError otherwise. Raises
        CompileError where an operation of a user's own can't be written so.
        """
        from autograd.compiler.c_source import header

        kinds = ["forward"] + ["gradient"] * (len(self._outputs) == 1)
        kernels = {kind: self._exported(kind) for kind in kinds}
        return header(kernels, [leaf.data for leaf in self.parameters], name)

    def _exported(self, kind: str = "forward") -> Kernel:
        """A pass for others to run, in the operations that they know."""
        return write_out((self._masking or self)._plan(kind)[0], has_form)


def _abridged(lines: list[str], most: int) -> list[str]:
    """The lines, or the first and the last of them where there are more than `most`."""
    if len(lines) <= most:
        return lines
    first, left = most * 2 // 3, len(lines) - most
    shown = f"  ... {left} more, all in program.formulas()"
    return [*lines[:first], shown, *lines[first + left :]]


def _counted(program: ArrayProgram) -> str:
    """How many steps over arrays there are."""
    steps = [array.step for _, array in program.made()]
    made = [step for step in steps if not isinstance(step, Leaf)]
    return f"arrays: {len(made)} steps"


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _results(kernel: Kernel) -> list[str]:
    lines = [f"output {k} = %{index}" for k, index in enumerate(kernel.outputs)]
    for target, a, b in kernel.sums.each():
        name = "value" if target == kernel.parameters else f"gradient {target}"
        factors = [i for i in (a, b) if not kernel.code.is_constant(i, 1.0)] or [b]
        lines.append(f"{name} += " + " * ".join([f"%{i}" for i in factors]))
    return lines


def _backend(name: str) -> Callable[[Kernel], Any]:
    if name == NUMPY:
        return NumpyKernel
    from autograd.compiler.llvm.backend import LlvmKernel

    return LlvmKernel
