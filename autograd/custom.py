"""Operations that users declare themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, overload

from autograd.functional import grad
from autograd.modes import MODE
from autograd.numeric import is_number, number
from autograd.operation import ATOM, Operation, Partial, Span

Forward = Callable[..., Any]


@overload
def operation(
    forward: Forward,
    /,
    *,
    partials: Sequence[Partial] | Callable[[Any, Any], Any] | None = None,
    name: str = "",
    symbol: str = "",
    latex: str = "",
    binds: int = ATOM,
    needs: tuple[int, ...] = (),
    domain: str = "",
    advice: str = "",
    kink: str = "",
    limit: Callable[..., float] | None = None,
    selects: bool = False,
    box: tuple[Span, ...] = (),
    samples: tuple[tuple[float, ...], ...] = (),
) -> Operation: ...
@overload
def operation(
    forward: None = None,
    /,
    *,
    partials: Sequence[Partial] | Callable[[Any, Any], Any] | None = None,
    name: str = "",
    symbol: str = "",
    latex: str = "",
    binds: int = ATOM,
    needs: tuple[int, ...] = (),
    domain: str = "",
    advice: str = "",
    kink: str = "",
    limit: Callable[..., float] | None = None,
    selects: bool = False,
    box: tuple[Span, ...] = (),
    samples: tuple[tuple[float, ...], ...] = (),
) -> Callable[[Forward], Operation]: ...
def operation(
    forward: Forward | None = None,
    /,
    *,
    partials: Sequence[Partial] | Callable[[Any, Any], Any] | None = None,
    name: str = "",
    symbol: str = "",
    latex: str = "",
    binds: int = ATOM,
    needs: tuple[int, ...] = (),
    domain: str = "",
    advice: str = "",
    kink: str = "",
    limit: Callable[..., float] | None = None,
    selects: bool = False,
    box: tuple[Span, ...] = (),
    samples: tuple[tuple[float, ...], ...] = (),
) -> Any:
    """Declare an operation of your own: a decorator of its forward function.

    forward: from floats to a float. Defaults of its last arguments work as usual; with
        `*args` the operation takes any number of arguments.
    partials: the local derivatives, one function per argument, each of the arguments
        and the result: `lambda x, out: ...`. Written with operators and this package's
        functions they work for second derivatives too. For `*args`, one function of
        the list of arguments and the result, giving the list of all. Without partials
        the engine differentiates the forward function, which then has to be written
        with operators and this package's functions itself.
    selects: whether a local derivative of 0 means that the argument was not chosen, as
        by `relu`, and gets nothing even where the adjoint is infinite or nan. Without
        it, a 0 is a number, and 0 times infinity is nan.
    The others are the columns of the operation table (see `Operation`): how it looks
        in pictures and formulas, where it is defined.

    The result is called like the function, with numbers or Values, by position or by
    name, and works wherever the table's operations do. In a compiled program it becomes
    machine code if the forward function is written with operators and this package's
    functions. Raises TypeError where the partials do not fit the function, and, when it
    is called, where one of the functions does not give a number.

    >>> @operation(partials=(lambda x, out: 3 * x**2,))
    ... def cube(x):
    ...     return x * x * x
    >>> x = Value(2.0)
    >>> y = cube(x)
    >>> y.backward()
    >>> y.op, y.data, x.grad, cube(2.0)
    ('cube', 8.0, 12.0, 8.0)
    """

    def declared(function: Forward) -> Operation:
        MODE.traces = True
        called = name or getattr(function, "__name__", type(function).__name__)
        arguments = _Arguments(function, called)
        return Operation(
            called,
            _checked(function, called),
            names=tuple(arguments.names),
            partials=arguments.partials(partials),
            all_partials=arguments.all_partials(partials),
            symbol=symbol,
            limit=limit,
            selects=selects,
            latex=latex or arguments.latex(called),
            binds=binds,
            needs=needs,
            domain=domain,
            advice=advice,
            kink=kink,
            box=box,
            samples=samples,
            defaults=arguments.defaults,
            doc=inspect.getdoc(function) or "",
        )

    return declared if forward is None else declared(forward)


class Derived:
    """A partial that the engine finds by differentiating the forward function."""

    def __init__(self, function: Forward, index: int) -> None:
        self.slope = grad(function, index)

    def __call__(self, *args: Any) -> Any:
        """The derivative at the arguments; the last, the result, isn't needed."""
        return self.slope(*args[:-1])


def is_derived(row: Operation) -> bool:
    """Whether the engine finds the derivatives of an operation by itself."""
    return type(row.all_partials or row.partials[0]) is Derived


def _parameters(function: Forward, name: str) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError:  # some functions written in C tell no signature
        raise TypeError(
            f"{name} does not tell what its arguments are; write a function around it, "
            f"such as def {name}(x): ..."
        ) from None


class _Arguments:
    """What the signature of a forward function says."""

    def __init__(self, function: Forward, name: str) -> None:
        if not callable(function):
            raise TypeError(
                "write @operation(partials=(...)) above a function; got "
                f"{function!r:.60} of type {type(function).__name__}"
            )
        self.function = function
        self.name = name
        parameters = _parameters(function, name)
        self.any_number = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        fixed = [
            p
            for p in parameters
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        if len(fixed) + self.any_number != len(parameters) or (
            self.any_number and fixed
        ):
            raise TypeError(
                f"{name}: an operation takes numbers by position alone, either so many "
                "or, with *args, any number"
            )
        if not parameters:
            raise TypeError(f"{name}: an operation takes at least one argument")
        if parameters[0].name in ("self", "cls"):
            raise TypeError(
                f"{name}: an operation takes numbers alone, and is no method: leave "
                f"{parameters[0].name} out, and write @staticmethod above @operation"
            )
        self.names = [p.name for p in fixed]
        self.defaults = tuple(
            number(p.default) for p in fixed if p.default is not p.empty
        )

    def partials(self, given: Any) -> tuple[Partial, ...]:
        if self.any_number:
            return ()
        if given is None:
            count = len(self.names)
            return tuple(Derived(self.function, index) for index in range(count))
        if callable(given):
            given = (given,)
        if len(given) != len(self.names):
            raise TypeError(
                f"{self.name} takes {len(self.names)} arguments ("
                f"{', '.join(self.names)}), so it needs as many partials; got "
                f"{len(given)}"
            )
        for index, partial in enumerate(given):
            self._check(partial, index)
        return tuple(
            _checked_partial(partial, f"partial {index + 1} of {self.name}")
            for index, partial in enumerate(given)
        )

    def _check(self, partial: Any, index: int) -> None:
        takes = ", ".join([*self.names, "out"])
        problem = (
            f"partial {index + 1} of {self.name} should be a function of ({takes})"
        )
        if not callable(partial):
            raise TypeError(f"{problem}; got {partial!r:.60}")
        try:
            inspect.signature(partial).bind(*self.names, "out")
        except TypeError as error:
            raise TypeError(f"{problem}: {error}") from None
        except ValueError:
            pass  # written in C, and tells no signature; wrong arguments show later

    def all_partials(self, given: Any) -> Callable[[Any, Any], Any] | None:
        if not self.any_number:
            return None
        if callable(given):
            return _checked_partials(given, self.name)
        if given is not None:
            raise TypeError(
                f"{self.name} takes any number of arguments, so partials is one "
                "function of the list of them and the result, giving a list"
            )
        function = self.function
        return Derived(lambda xs: function(*xs), 0)

    def latex(self, name: str) -> str:
        """The name upright, then the arguments in parentheses."""
        upright = name.replace("{", "").replace("}", "").replace("\\", "")
        upright = upright.replace("_", r"\_")
        count = 1 if self.any_number else len(self.names)
        listed = ", ".join(f"{{{index}}}" for index in range(count))
        return rf"\operatorname{{{{{upright}}}}}\left({listed}\right)"


def _checked(function: Forward, name: str) -> Callable[..., float]:
    """The forward function, with an error that names it for what is no number."""

    @wraps(function)
    def forward(*args: float) -> float:
        result = function(*args)
        if not is_number(result):
            raise TypeError(
                f"the forward function of {name} should return a number, got "
                f"{result!r:.60} of type {type(result).__name__}"
            )
        return float(result)

    return forward


def _checked_partial(partial: Partial, what: str) -> Partial:
    """The partial, with an error that names it for what is neither number nor node."""

    @wraps(partial)
    def checked(*args: Any) -> Any:
        return _slope(partial(*args), what)

    return checked


def _checked_partials(
    rule: Callable[[Any, Any], Any], name: str
) -> Callable[[Any, Any], Any]:
    """The same for the rule that gives all partials; it has to give one for each."""

    @wraps(rule)
    def checked(args: Any, out: Any) -> list[Any]:
        slopes = list(rule(args, out))
        if len(slopes) != len(args):
            raise TypeError(
                f"the partials of {name} should be {len(args)} numbers, one for each "
                f"argument; got {len(slopes)}"
            )
        return [
            _slope(slope, f"partial {index + 1} of {name}")
            for index, slope in enumerate(slopes)
        ]

    return checked


def _slope(slope: Any, what: str) -> Any:
    if is_number(slope) or hasattr(slope, "_apply"):
        return slope
    raise TypeError(
        f"{what} should give a number, got {slope!r:.60} of type {type(slope).__name__}"
    )
