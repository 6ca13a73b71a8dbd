"""What a row of the table is: an operation, declared once, that everyone reads.

The rows themselves stand in `ops`, to be read down like a textbook.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import reduce

from autograd.hints import TYPE_CHECKING, Any, Final, NoReturn, final, i64, overload
from autograd.numeric import number

if TYPE_CHECKING:
    from autograd.value import Value

Partial = Callable[..., Any]
Span = tuple[float, float]

# How tightly a printed form binds; an argument that binds less gets parentheses.
ANY: Final = 0
SUM: Final = 1
PRODUCT: Final = 2
SIGN: Final = 3
POWER: Final = 4
ATOM: Final = 5


@final
class Operation:
    """One row of the table, and at the same time the function a user calls.

    Called with numbers it returns a float; called with at least one `Value` it
    records a node.

    name: what errors, tables and `Value.op` call it.
    symbol: what a picture shows, `+` or `tanh`.
    forward: from floats to a float. Raises ValueError, ZeroDivisionError or
        OverflowError outside the domain, as Python's own functions do.
    partials: one local derivative per argument, each a function of the arguments and
        the output. None where the operation takes any number of arguments.
    all_partials: for any number of arguments: the list of all local derivatives, as a
        function of the list of arguments and the output.
    limit: the IEEE 754 answer where `forward` raises.
    batch: the same on arrays, as text over the array module `np` and the functions
        erf and erfc, which it lacks; `{0}`, `{1}` are the arguments. Empty where the
        operation takes any number of them.
    latex, binds, needs: the printed form, how tightly it binds, and how tightly each
        argument has to bind to go without parentheses.
    names: of the arguments, by which a caller may give them too.
    selects: whether an argument whose local derivative is 0 was not chosen, as by
        relu or where: it then gets 0 whatever is above, infinite or nan. Or a function
        of the arguments that says so for each, where only some zeros are of that kind.
    tame: whether no derivative, of whatever order, is infinite where the arguments are
        finite, so that compiled derivatives need not guard against that.
    folds: whether more arguments than two are taken two by two, from left to right.
    domain, advice, kink: for errors and for the documentation.
    raises: the errors outside the domain.
    box: for each argument a span (low, high) inside the domain, for random tests and
        plots.
    samples: arguments at which the generated tests look first.
    defaults: values for the last arguments when a caller leaves them out.
    kernel: compiled, where its machine code is; see autograd/recording.h.
    """

    __slots__ = (
        "_doc",
        "advice",
        "all_partials",
        "arity",
        "batch",
        "binds",
        "box",
        "defaults",
        "domain",
        "folds",
        "forward",
        "kernel",
        "kink",
        "latex",
        "limit",
        "name",
        "names",
        "needs",
        "partials",
        "raises",
        "samples",
        "selects",
        "symbol",
        "tame",
    )

    def __init__(
        self,
        name: str,
        forward: Callable[..., float],
        *,
        partials: tuple[Partial, ...] = (),
        all_partials: Callable[[Any, Any], Any] | None = None,
        symbol: str = "",
        limit: Callable[..., float] | None = None,
        batch: str = "",
        latex: str = "",
        binds: int = ATOM,
        needs: tuple[int, ...] = (),
        names: tuple[str, ...] = (),
        selects: bool | Callable[..., tuple[Any, ...]] = False,
        tame: bool = False,
        folds: bool = False,
        domain: str = "every number",
        raises: tuple[type[Exception], ...] = (),
        advice: str = "",
        kink: str = "",
        box: tuple[Span, ...] = (),
        samples: tuple[tuple[float, ...], ...] = (),
        defaults: tuple[float, ...] = (),
        doc: str = "",
    ) -> None:
        self.name = name
        self.forward = forward
        self.partials = partials
        self.all_partials = all_partials
        self.arity = len(partials)
        self.symbol = symbol or name
        self.limit = limit
        self.batch = batch
        self.latex = latex
        self.binds = binds
        self.needs = needs
        self.names = names
        self.selects = selects
        self.tame = tame
        self.folds = folds
        self.domain = domain
        self.raises = raises
        self.advice = advice
        self.kink = kink
        self.box = box
        self.samples = samples
        self.defaults = defaults
        self.kernel: i64 = 0
        self._doc = doc

    @overload  # of what is Any: else mypyc would take a row's result in a row for float
    def __call__(self, *args: NoReturn) -> Any: ...
    @overload
    def __call__(self, *args: float, **named: float) -> float: ...
    @overload
    def __call__(
        self, x: Value, *args: Value | float, **named: Value | float
    ) -> Value: ...
    @overload
    def __call__(
        self, x: float, y: Value, *args: Value | float, **named: Value | float
    ) -> Value: ...
    @overload
    def __call__(
        self, *args: Value | float, **named: Value | float
    ) -> Value | float: ...
    def __call__(self, *args: Any, **named: Any) -> Any:
        """Compute with numbers, or record a node where an argument is a `Value`."""
        if named or (self.arity and len(args) != self.arity):
            args = self._complete(args, named)
        for arg in args:
            if type(arg) is not float:
                return _recorder(args)(self, args)
        try:
            return self.forward(*args)
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            return ELSEWHERE.answer(self, args, error)

    def _complete(
        self, args: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[Any, ...]:
        """Fill in names and defaults, or say what the arguments should be."""
        if self.folds and len(args) > 2 and not named:
            return reduce(self, args[:-1]), args[-1]
        given = list(args)
        first_default = self.arity - len(self.defaults)
        for index in range(len(args), self.arity):
            if self.names and self.names[index] in named:
                given.append(named.pop(self.names[index]))
            elif index >= first_default:
                given.append(self.defaults[index - first_default])
        for name in named:
            raise TypeError(f"{self._takes()}; there is no place for {name}=")
        if len(given) != self.arity:
            listed = f"; of a list write {self.name}(*values)" * self.folds
            raise TypeError(f"{self._takes()}, got {len(args)}{listed}")
        return tuple(given)

    def _takes(self) -> str:
        if not self.arity:
            return f"{self.name} takes numbers by position"
        names = f" ({', '.join(self.names)})" if self.names else ""
        more = " or more" * self.folds
        plural = "s"[: self.arity - 1]
        return f"{self.name} takes {self.arity} argument{plural}{names}{more}"

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        """The text, then what the columns say of domain and kinks, and the examples."""
        from inspect import cleandoc

        text, arrows, examples = cleandoc(self._doc).partition(">>>")
        parts = [text.strip()]
        if self.raises:
            kinds = ", ".join([kind.__name__ for kind in self.raises])
            parts.append(f"Domain: {self.domain}; outside: {kinds}.")
        if self.kink:
            parts.append(f"Derivative: {self.kink}.")
        if arrows:
            parts.append(arrows + examples)
        return "\n\n".join(parts)

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def __signature__(self) -> Any:
        """The arguments with their defaults, for `help` and `inspect.signature`."""
        from inspect import Parameter, Signature

        if not self.arity:
            return Signature([Parameter("args", Parameter.VAR_POSITIONAL)])
        first_default = self.arity - len(self.defaults)
        parameters = [
            Parameter(
                name,
                Parameter.POSITIONAL_OR_KEYWORD,
                default=(
                    Parameter.empty
                    if index < first_default
                    else self.defaults[index - first_default]
                ),
            )
            for index, name in enumerate(self.names)
        ]
        return Signature(parameters)

    def __repr__(self) -> str:
        return f"<operation {self.name}{self.__signature__}>"

    def __copy__(self) -> Operation:
        return self

    def __deepcopy__(self, memo: object) -> Operation:
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        if TABLE.get(self.name) is self:
            return (_named, (self.name,))
        module = str(getattr(self.forward, "__module__", ""))
        path = str(getattr(self.forward, "__qualname__", ""))
        if _declared(module, path) is self:
            return (_declared, (module, path))
        raise TypeError(
            f"the operation {self.name!r} can't be pickled, because it is not at the "
            "top level of a module; declare it there, under the name of its function"
        )


def _recorder(args: tuple[Any, ...]) -> Any:
    """The method of the first argument that knows how to record an operation."""
    for arg in args:
        method = getattr(arg, "_apply", None)
        if method is not None:
            return method
    return _on_numbers


def _on_numbers(operation: Operation, args: tuple[Any, ...]) -> float:
    """For numbers of other kinds than float: integers, numpy's scalars, fractions."""
    answer: float = operation(*[number(arg) for arg in args])
    return answer


@final
class Elsewhere:
    """What answers where numbers are outside a domain: inf or nan, or a good error.

    That depends on modes, and on what records; `value` knows, and puts it here.
    """

    __slots__ = ("answer",)

    def __init__(self) -> None:
        self.answer: Callable[[Operation, tuple[Any, ...], Exception], float] = _raised


def _raised(operation: Operation, args: tuple[Any, ...], error: Exception) -> float:
    raise error


ELSEWHERE: Final = Elsewhere()


TABLE: Final[dict[str, Operation]] = {}
"""Every operation of the engine by its name, in the order of the declarations."""


def row(name: str, forward: Callable[..., float], **columns: Any) -> Operation:
    """Declare an operation: its row, which stands in the table from now on."""
    columns.setdefault("names", ("x", "y")[: len(columns.get("partials", ()))])
    TABLE[name] = operation = Operation(name, forward, **columns)
    return operation


def _named(name: str) -> Operation:
    return TABLE[name]


def _declared(module: str, path: str) -> Any:
    """What a module declares at its top level under a name; None where nothing."""
    return getattr(importlib.import_module(module), path, None) if module else None
