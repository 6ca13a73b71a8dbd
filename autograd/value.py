"""The node: a number that remembers how it was made, and differentiates itself.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> c = a * b + a
    >>> c.backward()
    >>> c.data, a.grad, b.grad
    (-4.0, -2.0, 2.0)

Recording is one small object per operation: the result, up to two parents, and the
local derivative with respect to each, taken at that moment. Going backward is then a
walk over the nodes in topological order with one multiplication and one addition per
edge. The operations themselves are rows of the table in `ops`; the four arithmetic
ones are spelled out again here because they are the hot path, and a test holds each to
its row.
"""

from __future__ import annotations

import math
import struct
import threading
from collections.abc import Callable, Sequence

from autograd import ops
from autograd.hints import Any, Final, NoReturn, final, i64, mypyc_attr
from autograd.ieee import Quiet, limit
from autograd.modes import MODE, in_effect, no_grad_is_on
from autograd.numeric import COMPILED, is_numeric, number
from autograd.operation import ELSEWHERE, Operation
from autograd.ops import ANSWER, CONSTANT, GIVEN, LEAF
from autograd.wording import counted, cut

BLANK: Final = object()
"""What the engine builds a node from: its number is set right after."""

DEGREE: Final = math.pi / 180

ADD: Final = ops.add
SUB: Final = ops.sub
MUL: Final = ops.mul
DIV: Final = ops.div
NEG: Final = ops.neg


@final
class Terms:
    """Parents and local derivatives of a node that has more than two parents.

    partials: a list of floats; compiled, they are kept as the bytes of doubles.
    """

    __slots__ = ("parents", "partials")

    def __init__(self, parents: tuple[Value, ...], partials: Any) -> None:
        self.parents = parents
        self.partials: Any = in_doubles(partials) if COMPILED else partials


@final
class Clock:
    """What is later than what: walks over graphs, calls of transforms, and nodes.

    tick: above the marks of every walk so far; a new node starts with it as its mark.
    calls: how many functions have been differentiated so far; a new leaf keeps it.
    """

    __slots__ = ("calls", "tick")

    def __init__(self) -> None:
        self.tick: i64 = 1
        self.calls: float = 0.0


CLOCK: Final = Clock()

LOCK: Final = threading.RLock()
"""Held by walks, because their marks are on the nodes."""


@mypyc_attr(acyclic=True)
class Value:
    """A number in a recorded computation.

    data: the number; an int, a bool or a numpy scalar becomes a Python float. Anything
        else raises TypeError.
    label: the name that pictures, tables and errors use. Text, never markup.

    `Value(data, parents, partials)` is a node with local derivatives that the caller
    knows, as numbers. It can be differentiated once; `autograd.operation` makes more of
    a function.

    Ordinary arithmetic with Values and numbers records new nodes. `backward()` then
    gives every node that led to this one its gradient.

    >>> x = Value(3.0, label="x")
    >>> y = x**3
    >>> y.backward()
    >>> x.grad
    27.0
    """

    # Nine fields of eight bytes. Some serve double duty: on a leaf, which has no
    # parents, _left_partial is the gradient accumulated so far, and _right_partial
    # tells when it was made; on a node with more than two parents, _right holds them
    # all and _left is empty. _mark is for walks, and says until the first of them when
    # the node was made; see `in_order`.
    __slots__ = (
        "__dict__",  # for attributes of a user's own; compiled, native.c has them
        "_adjoint",
        "_data",
        "_label",
        "_left",
        "_left_partial",
        "_mark",
        "_operation",
        "_right",
        "_right_partial",
    )

    def __init__(self, data: object, label: object = "") -> None:
        self._left: Value | None = None
        self._right: Value | Terms | None = None
        self._data: float = 0.0 if data is BLANK else number(data)
        self._label: str = label if type(label) is str else _label(label)
        self._operation: Operation = LEAF
        self._left_partial: float = 0.0
        self._right_partial: float = CLOCK.calls
        self._adjoint: float = 0.0
        self._mark: i64 = CLOCK.tick

    def __init_subclass__(cls) -> None:
        if cls.__name__ == "Traced":
            return
        raise TypeError(
            "Value can't be subclassed: operations would return plain Values and lose "
            "the subclass; keep Values in an object of your own"
        )

    # ---- what a node is --------------------------------------------------------------

    @property
    def data(self) -> float:
        """The number. A leaf's may be set, as an optimizer does; then `recompute()`."""
        guard = MODE.guard
        if guard is not None:
            guard(self, "reading .data")
        return self._data

    @data.setter
    def data(self, data: object) -> None:
        if self._operation.name:
            raise AttributeError(
                f"the value of {describe(self)} follows from its parents and can't be "
                "set; set the data of a leaf and call recompute() on the output"
            )
        guard = MODE.guard
        if guard is not None:
            guard(self, "what sets .data")
        self._data = number(data)

    @property
    def grad(self) -> float:
        """The derivative of the output that `backward()` was called on, by this node.

        A leaf adds up over calls until it is set to 0; any other node holds the
        latest call's alone.
        """
        guard = MODE.guard
        if guard is not None:
            guard(self, "reading .grad")
        return self._adjoint if self._operation.name else self._left_partial

    @grad.setter
    def grad(self, grad: object) -> None:
        if grad is None:
            raise TypeError("a gradient is a number; to clear it write x.grad = 0.0")
        if self._operation.name:
            self._adjoint = number(grad)
        else:
            self._left_partial = number(grad)

    @property
    def label(self) -> str:
        """The name given by the user, or an empty text."""
        return self._label

    @label.setter
    def label(self, label: object) -> None:
        self._label = _label(label)

    @property
    def op(self) -> str:
        """The name of the operation that made this node; empty for a leaf."""
        return self._operation.name

    @property
    def operation(self) -> Operation:
        """The row of the operation table that made this node."""
        return self._operation

    @property
    def constant(self) -> bool:
        """Whether this is a bare number of an expression, such as the 2 in `2 * x`."""
        return self._operation is CONSTANT or self._operation is ANSWER

    @property
    def parents(self) -> tuple[Value, ...]:
        """The operands, in order; `a + a` has two. Empty for a leaf."""
        left, right = self._left, self._right
        if left is not None:
            return (left, right) if isinstance(right, Value) else (left,)
        return right.parents if isinstance(right, Terms) else ()

    @property
    def partials(self) -> tuple[float, ...]:
        """The local derivative with respect to each parent, as it was when recorded."""
        guard = MODE.guard
        if guard is not None:
            guard(self, "reading .partials")
        return recorded_partials(self)

    # ---- arithmetic ------------------------------------------------------------------

    # What is neither a node nor one of Python's numbers comes to `with_number`. (When
    # compiled, recording.h sends it there before, and these lines are never reached.)

    def __add__(self, other: Value | float | int) -> Value:
        if isinstance(other, Value):
            right = other
        elif isinstance(other, (float, int)):
            right = constant(other)
        else:
            return with_number(ADD, self, other)
        return _binary(ADD, self, right, self._data + right._data, 1.0, 1.0)

    def __radd__(self, other: float | int) -> Value:
        if not isinstance(other, (float, int)):
            return with_number(ADD, other, self)
        left = constant(other)
        return _binary(ADD, left, self, left._data + self._data, 1.0, 1.0)

    def __sub__(self, other: Value | float | int) -> Value:
        if isinstance(other, Value):
            right = other
        elif isinstance(other, (float, int)):
            right = constant(other)
        else:
            return with_number(SUB, self, other)
        return _binary(SUB, self, right, self._data - right._data, 1.0, -1.0)

    def __rsub__(self, other: float | int) -> Value:
        if not isinstance(other, (float, int)):
            return with_number(SUB, other, self)
        left = constant(other)
        return _binary(SUB, left, self, left._data - self._data, 1.0, -1.0)

    def __mul__(self, other: Value | float | int) -> Value:
        if isinstance(other, Value):
            right = other
        elif isinstance(other, (float, int)):
            right = constant(other)
        else:
            return with_number(MUL, self, other)
        x, y = self._data, right._data
        return _binary(MUL, self, right, x * y, y, x)

    def __rmul__(self, other: float | int) -> Value:
        if not isinstance(other, (float, int)):
            return with_number(MUL, other, self)
        left = constant(other)
        x, y = left._data, self._data
        return _binary(MUL, left, self, x * y, y, x)

    def __truediv__(self, other: Value | float | int) -> Value:
        if isinstance(other, Value):
            right = other
        elif isinstance(other, (float, int)):
            right = constant(other)
        else:
            return with_number(DIV, self, other)
        return _divide(self, right)

    def __rtruediv__(self, other: float | int) -> Value:
        if not isinstance(other, (float, int)):
            return with_number(DIV, other, self)
        return _divide(constant(other), self)

    def __pow__(self, other: Value | float | int, modulus: object = None) -> Value:
        if modulus is not None:
            raise TypeError(
                "pow() with a third argument is for whole numbers; of Values, write "
                "x ** y % z"
            )
        if isinstance(other, Value):
            right = other
        elif isinstance(other, (float, int)):
            right = constant(other)
        else:
            return with_number(ops.pow_, self, other)
        return binary(ops.pow_, self, right)

    def __rpow__(self, other: float | int) -> Value:
        if not isinstance(other, (float, int)):
            return with_number(ops.pow_, other, self)
        return binary(ops.pow_, constant(other), self)

    def __mod__(self, other: Value | float | int) -> Value:
        if not isinstance(other, (Value, float, int)):
            return with_number(ops.mod, self, other)
        return binary(ops.mod, self, as_value(other))

    def __rmod__(self, other: float | int) -> Value:
        if not isinstance(other, (float, int)):
            return with_number(ops.mod, other, self)
        return binary(ops.mod, constant(other), self)

    def __floordiv__(self, other: Value | float | int) -> Value:
        if not isinstance(other, (Value, float, int)):
            return with_number(ops.floordiv, self, other)
        return binary(ops.floordiv, self, as_value(other))

    def __rfloordiv__(self, other: float | int) -> Value:
        if not isinstance(other, (float, int)):
            return with_number(ops.floordiv, other, self)
        return binary(ops.floordiv, constant(other), self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __neg__(self) -> Value:
        return _unary(NEG, self, -self._data, -1.0)

    def __pos__(self) -> Value:
        return self

    def __floor__(self) -> Value:
        return unary(ops.floor, self)

    def __ceil__(self) -> Value:
        return unary(ops.ceil, self)

    def __abs__(self) -> Value:
        return unary(ops.abs_, self)

    # ---- comparison: by number; but two Values are equal if they are one node --------

    # While `compile` records, a stand-in's number is not known, and the answer is a
    # condition for `where`: see `_condition`.

    def __lt__(self, other: object) -> Any:
        if not isinstance(other, Value) and not is_numeric(other):
            return NotImplemented
        if MODE.guard is not None:
            condition = _condition("less", self, other)
            if condition is not None:
                return condition
        return bool(self._data < bare(other))

    def __le__(self, other: object) -> Any:
        if not isinstance(other, Value) and not is_numeric(other):
            return NotImplemented
        if MODE.guard is not None:
            condition = _condition("at_most", self, other)
            if condition is not None:
                return condition
        return bool(self._data <= bare(other))

    def __gt__(self, other: object) -> Any:
        if not isinstance(other, Value) and not is_numeric(other):
            return NotImplemented
        if MODE.guard is not None:
            condition = _condition("less", other, self)
            if condition is not None:
                return condition
        return bool(self._data > bare(other))

    def __ge__(self, other: object) -> Any:
        if not isinstance(other, Value) and not is_numeric(other):
            return NotImplemented
        if MODE.guard is not None:
            condition = _condition("at_most", other, self)
            if condition is not None:
                return condition
        return bool(self._data >= bare(other))

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, Value) and not is_numeric(other):
            return NotImplemented
        if MODE.guard is not None:
            condition = _condition("equal", self, other)
            if condition is not None:
                return condition
        if isinstance(other, Value):
            return self is other
        return bool(self._data == bare(other))

    def __ne__(self, other: object) -> Any:
        if not isinstance(other, Value) and not is_numeric(other):
            return NotImplemented
        if MODE.guard is not None:
            condition = _condition("differs", self, other)
            if condition is not None:
                return condition
        if isinstance(other, Value):
            return self is not other
        return bool(self._data != bare(other))

    def __hash__(self) -> int:
        return id(self) >> 4

    def __bool__(self) -> bool:
        guard = MODE.guard
        if guard is not None:
            guard(self, "deciding")
        return self._data != 0.0

    # ---- conditions of `where`, while `compile` records ------------------------------

    def __and__(self, other: object) -> Any:
        return _joined("&", self, other)

    def __rand__(self, other: object) -> Any:
        return _joined("&", other, self)

    def __or__(self, other: object) -> Any:
        return _joined("|", self, other)

    def __ror__(self, other: object) -> Any:
        return _joined("|", other, self)

    def __invert__(self) -> Any:
        return _joined("~", self, True)

    # ---- functions, one line per row of the table ------------------------------------

    def exp(self) -> Value:
        """e ** x; see `autograd.exp`."""
        return unary(ops.exp, self)

    def expm1(self) -> Value:
        """e ** x - 1; see `autograd.expm1`."""
        return unary(ops.expm1, self)

    def log(self) -> Value:
        """The natural logarithm; see `autograd.log`."""
        return unary(ops.log, self)

    def log1p(self) -> Value:
        """log(1 + x); see `autograd.log1p`."""
        return unary(ops.log1p, self)

    def sqrt(self) -> Value:
        """The square root; see `autograd.sqrt`."""
        return unary(ops.sqrt, self)

    def exp2(self) -> Value:
        """2 ** x; see `autograd.exp2`."""
        return unary(ops.exp2, self)

    def log2(self) -> Value:
        """The logarithm to the base 2; see `autograd.log2`."""
        return unary(ops.log2, self)

    def log10(self) -> Value:
        """The logarithm to the base 10; see `autograd.log10`."""
        return unary(ops.log10, self)

    def cbrt(self) -> Value:
        """The cube root; see `autograd.cbrt`."""
        return unary(ops.cbrt, self)

    def sin(self) -> Value:
        """The sine; see `autograd.sin`."""
        return unary(ops.sin, self)

    def cos(self) -> Value:
        """The cosine; see `autograd.cos`."""
        return unary(ops.cos, self)

    def tan(self) -> Value:
        """The tangent; see `autograd.tan`."""
        return unary(ops.tan, self)

    def asin(self) -> Value:
        """The angle whose sine this is; see `autograd.asin`."""
        return unary(ops.asin, self)

    def acos(self) -> Value:
        """The angle whose cosine this is; see `autograd.acos`."""
        return unary(ops.acos, self)

    def atan(self) -> Value:
        """The angle whose tangent this is; see `autograd.atan`."""
        return unary(ops.atan, self)

    def sinh(self) -> Value:
        """The hyperbolic sine; see `autograd.sinh`."""
        return unary(ops.sinh, self)

    def cosh(self) -> Value:
        """The hyperbolic cosine; see `autograd.cosh`."""
        return unary(ops.cosh, self)

    def tanh(self) -> Value:
        """The hyperbolic tangent; see `autograd.tanh`."""
        return unary(ops.tanh, self)

    def asinh(self) -> Value:
        """The number whose hyperbolic sine this is; see `autograd.asinh`."""
        return unary(ops.asinh, self)

    def acosh(self) -> Value:
        """The number whose hyperbolic cosine this is; see `autograd.acosh`."""
        return unary(ops.acosh, self)

    def atanh(self) -> Value:
        """The number whose hyperbolic tangent this is; see `autograd.atanh`."""
        return unary(ops.atanh, self)

    def sigmoid(self) -> Value:
        """1 / (1 + e ** -x); see `autograd.sigmoid`."""
        return unary(ops.sigmoid, self)

    def relu(self) -> Value:
        """The larger of 0 and x; see `autograd.relu`."""
        return unary(ops.relu, self)

    def leaky_relu(self, slope: object = 0.01) -> Value:
        """x, or slope * x below 0; see `autograd.leaky_relu`."""
        return binary(ops.leaky_relu, self, as_value(slope))

    def elu(self, alpha: object = 1.0) -> Value:
        """x, or alpha * (e ** x - 1) below 0; see `autograd.elu`."""
        return binary(ops.elu, self, as_value(alpha))

    def softplus(self) -> Value:
        """log(1 + e ** x); see `autograd.softplus`."""
        return unary(ops.softplus, self)

    def silu(self) -> Value:
        """x * sigmoid(x); see `autograd.silu`."""
        return unary(ops.silu, self)

    def gelu(self) -> Value:
        """x times the normal distribution at x; see `autograd.gelu`."""
        return unary(ops.gelu, self)

    def erf(self) -> Value:
        """The error function; see `autograd.erf`."""
        return unary(ops.erf, self)

    def erfc(self) -> Value:
        """1 - erf(x); see `autograd.erfc`."""
        return unary(ops.erfc, self)

    def abs(self) -> Value:
        """The absolute value; see `autograd.abs`."""
        return unary(ops.abs_, self)

    def sign(self) -> Value:
        """1, 0 or -1; see `autograd.sign`."""
        return unary(ops.sign, self)

    def floor(self) -> Value:
        """The whole number at or below; see `autograd.floor`."""
        return unary(ops.floor, self)

    def ceil(self) -> Value:
        """The whole number at or above; see `autograd.ceil`."""
        return unary(ops.ceil, self)

    def clip(
        self, low: object = None, high: object = None, out: object = None
    ) -> Value:
        """x between low and high; see `autograd.clip`. numpy gives a third argument."""
        if out is not None:
            raise TypeError("clip makes a node of its own and can't write into another")
        bottom = -ops.INFINITY if low is None else low
        return record(ops.clip, (self, bottom, ops.INFINITY if high is None else high))

    # ---- going backward --------------------------------------------------------------

    def backward(self, seed: object = 1.0, **options: object) -> None:
        """Give every node that led to this one its derivative of this one.

        seed: the derivative of this node by itself, in other words a factor on every
            gradient. A number.

        Leaves add this pass to their `.grad`; every other node's `.grad` is replaced.
        There are no options; for torch's an error says what to write here.
        """
        if options:
            _no_options("backward", options)
        start = number(seed)
        guard = MODE.guard
        if guard is not None:
            guard(self, "backward()")
        if MODE.observer is not None:
            watch_backward(self, start)
        with LOCK:
            _go_backward(self, start)

    def zero_grad(self) -> None:
        """Set the gradient of this node and of all that led to it to 0."""
        with LOCK:
            for node in in_order([self])[0]:
                node._adjoint = 0.0
                if not node._operation.name:
                    node._left_partial = 0.0

    def detach(self) -> Value:
        """A new leaf with the same number and label, and no history."""
        return Value(self.data, self._label)

    def recompute(self) -> None:
        """Replay the recorded graph after the data of leaves changed.

        Every node gets its new value and local derivatives. Where an operation is
        outside its domain for the new numbers, this raises as recording would, and the
        graph is left as it was.

        What Python decided while the graph was recorded can't be decided anew: the side
        of an `if`, or the condition True or False of a `where`, about which this warns.
        """
        with LOCK:
            kept = replay([self], ALWAYS) if COMPILED else _replay_all(self)
        if kept:
            _warn_of_answers()

    def _apply(self, operation: Operation, args: tuple[object, ...]) -> Value:
        return record(operation, args)

    # ---- the way out, where a graph would be cut silently ----------------------------

    def __float__(self) -> float:
        _refuse("float()", self)

    def __int__(self) -> int:
        _refuse("int()", self)

    def __round__(self, digits: object = None) -> NoReturn:
        raise TypeError(
            f"round() of the Value {describe(self)} would have the slope 0 and stop "
            "every gradient: round the number, round(x.data, 2), or write "
            "autograd.floor(x + 0.5) where a slope of 0 is meant"
        )

    def __trunc__(self) -> NoReturn:
        raise TypeError(
            f"trunc() of the Value {describe(self)} would have the slope 0 and stop "
            "every gradient: truncate the number, math.trunc(x.data), or write "
            "autograd.sign(x) * autograd.floor(abs(x)) where a slope of 0 is meant"
        )

    def __reduce__(self) -> str | tuple[Any, ...]:
        if self._operation.name:
            raise TypeError(
                f"{describe(self)} is a recorded node: a copy would be cut off from "
                "the leaves it came from, and their gradients would silently stay 0. "
                "Copy the leaves or the model, or copy detach(), which is the number"
            )
        guard = MODE.guard
        if guard is not None:
            guard(self, "copying")
        made = (self._data, self._label, self._left_partial, self.constant)
        own: Any = own_attributes(self) if COMPILED else self.__dict__
        return (_leaf, made, dict(own)) if own else (_leaf, made)

    def __setstate__(self, own: dict[str, Any]) -> None:
        """A copy gets the attributes that a user gave the leaf."""
        for name, attribute in own.items():
            setattr(self, name, attribute)

    def __repr__(self) -> str:
        guard = in_effect("guard")
        if guard is not None and guard.stands_in(self):
            return str(guard.described(self))
        label = f", label={cut(self._label)!r}" if self._label else ""
        return f"Value(data={self._data}, grad={self.grad}{label})"

    def __format__(self, spec: str) -> str:
        guard = MODE.guard
        if guard is not None and spec:
            guard(self, "formatting")
        return format(self._data, spec) if spec else repr(self)

    # ---- numpy's names, which its functions call on arrays of Values -----------------

    def arcsin(self) -> Value:
        """What `np.arcsin` calls; see `autograd.asin`."""
        return unary(ops.asin, self)

    def arccos(self) -> Value:
        """What `np.arccos` calls; see `autograd.acos`."""
        return unary(ops.acos, self)

    def arctan(self) -> Value:
        """What `np.arctan` calls; see `autograd.atan`."""
        return unary(ops.atan, self)

    def arcsinh(self) -> Value:
        """What `np.arcsinh` calls; see `autograd.asinh`."""
        return unary(ops.asinh, self)

    def arccosh(self) -> Value:
        """What `np.arccosh` calls; see `autograd.acosh`."""
        return unary(ops.acosh, self)

    def arctanh(self) -> Value:
        """What `np.arctanh` calls; see `autograd.atanh`."""
        return unary(ops.atanh, self)

    def deg2rad(self) -> Value:
        """What `np.deg2rad` calls: an angle in radians, of one in degrees."""
        return self * DEGREE

    def radians(self) -> Value:
        """What `np.radians` calls; as `deg2rad`."""
        return self * DEGREE

    def rad2deg(self) -> Value:
        """What `np.rad2deg` calls: an angle in degrees, of one in radians."""
        return self * (1.0 / DEGREE)

    def degrees(self) -> Value:
        """What `np.degrees` calls; as `rad2deg`."""
        return self * (1.0 / DEGREE)

    def fabs(self) -> Value:
        """What `np.fabs` calls; see `autograd.abs`."""
        return unary(ops.abs_, self)

    def rint(self) -> NoReturn:
        """What `np.rint` and `np.round` call: the error of `round`."""
        self.__round__()

    def conjugate(self) -> Value:
        """What `np.std`, `np.var` and `np.vdot` call: itself, for it is real."""
        return self

    def arctan2(self, x: object) -> Value:
        """What `np.arctan2` calls; see `autograd.atan2`."""
        return binary(ops.atan2, self, as_value(x))

    def hypot(self, y: object) -> Value:
        """What `np.hypot` calls; see `autograd.hypot`."""
        return binary(ops.hypot, self, as_value(y))

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, **options: Any
    ) -> Any:
        """What `np.sin(x)` calls, as each of numpy's functions; see `ufuncs`."""
        from autograd.ufuncs import applied

        return applied(ufunc, method, inputs, options)

    # ---- names that engines of this family have --------------------------------------

    @property
    def _prev(self) -> set[Value]:
        return set(self.parents)

    @_prev.setter
    def _prev(self, nodes: object) -> None:
        raise _given_at_first()

    @property
    def _op(self) -> str:
        return self._operation.symbol

    @_op.setter
    def _op(self, symbol: object) -> None:
        raise _given_at_first()

    @property
    def _children(self) -> tuple[Value, ...]:
        return self.parents

    @_children.setter
    def _children(self, nodes: object) -> None:
        raise _given_at_first()

    @property
    def _local_grads(self) -> tuple[float, ...]:
        return self.partials

    @_local_grads.setter
    def _local_grads(self, slopes: object) -> None:
        raise _given_at_first()

    @property
    def _backward(self) -> Callable[[], None]:
        from functools import partial

        return partial(_hand_on, self)

    @_backward.setter
    def _backward(self, function: object) -> None:
        raise _given_at_first()

    @property
    def requires_grad(self) -> bool:
        """What torch has: an error that says what there is in its place."""
        raise _no_flag(self)

    @requires_grad.setter
    def requires_grad(self, flag: object) -> None:
        raise _no_flag(self)

    def item(self) -> float:
        """The number, as `.data`."""
        return self.data

    def __getattr__(self, name: str) -> Any:
        if COMPILED:
            own = own_attributes(self)
            if name in own:
                return own[name]
        if name.startswith("__"):  # numpy asks for some of these, of every Value
            raise AttributeError(f"Value has no attribute {name!r}")
        from autograd.family import missing

        raise missing("Value", name, self)

    def __matmul__(self, other: object) -> NoReturn:
        raise TypeError(
            f"{describe(self)} is one number, and @ is for lists of them: write x * y "
            "for two numbers, autograd.dot(xs, ys) for two lists, and np.array(W) @ xs "
            "for a matrix and a list"
        )

    def __rmatmul__(self, other: object) -> NoReturn:
        self.__matmul__(other)

    def __xor__(self, other: object) -> NoReturn:
        raise _no_power(self, other)

    def __rxor__(self, other: object) -> NoReturn:
        raise _no_power(other, self)


@final
class Traced(Value):
    """A node that leads back to an operation of a user's own, or is one's result.

    The functions of such an operation may hold, among other things, the very nodes that
    it made, as those of a layer do that keeps its output. Python's collector of cycles
    has to look into these nodes; compiled, it need not look into any other.
    """

    __slots__ = ()


# ---- what errors call things ---------------------------------------------------------


if COMPILED:
    from autograd.native import (
        adopt,
        backward,
        data_of,
        in_doubles,
        in_floats,
        ordered,
        own_attributes,
        put_adjoints,
        record_row,
        replay,
        slopes,
        take_adjoints,
    )


def _label(label: object) -> str:
    if isinstance(label, str):
        return str(label)
    raise TypeError(
        f"a label is text; got {label!r} of type {type(label).__name__}: write "
        "Value(data, label='name')"
    )


def _no_options(name: str, options: dict[str, object]) -> None:
    from autograd.family import none_of

    none_of(name, options)


def _no_flag(node: Value) -> Exception:
    from autograd.family import missing

    return missing("Value", "requires_grad", node)


def _given_at_first() -> AttributeError:
    return AttributeError(
        "a node's parents and local derivatives are given when it is made: write "
        "Value(data, parents, partials) with a number for each parent, or declare the "
        "function with @operation"
    )


def made(data: object, *others: object, **names: object) -> Value:
    """What a call of `Value` makes that gives more than data and a label."""
    from autograd.family import understood

    label, parents, partials = understood(others, names)
    node = Value(data, label)
    give_parents(node, parents, partials)
    return node


def give_parents(node: Value, parents: object, partials: object) -> None:
    """Make a new leaf the result of what the caller computed."""
    if isinstance(parents, str) or (not parents and not partials):
        return
    if partials is None or isinstance(partials, str):
        raise TypeError(
            f"Value(data, parents, {partials!r}) doesn't say the local derivatives: "
            "write the operation itself, such as x.tanh() or x + y, or "
            "Value(data, parents, partials) with a number for each parent"
        )
    nodes = tuple([node_of(parent) for parent in _listed(parents)])
    if any(isinstance(partial, Value) for partial in _listed(partials)):
        raise TypeError(
            "a partial is a Value, which would be cut off here: pass its .data, or "
            "declare the function with @operation to differentiate it twice"
        )
    numbers = [number(partial) for partial in _listed(partials)]
    if len(nodes) != len(numbers):
        raise ValueError(
            f"{counted(len(nodes), 'parent')} and {counted(len(numbers), 'partial')}: "
            "give one local derivative for each parent"
        )
    if not no_grad_is_on():
        node._operation = GIVEN
        node._right = Terms(nodes, numbers)
        if MODE.observer is not None:
            _observe(node)


def _listed(items: object) -> list[Any]:
    if isinstance(items, (tuple, list, set)):
        return list(items)
    raise TypeError(
        "Value(data, parents, partials) takes a tuple of Values and one of numbers, "
        f"got {items!r:.40}"
    )


def _hand_on(node: Value) -> None:
    """What one step backward does: add to each parent's gradient this node's share."""
    for parent, partial in zip(node.parents, recorded_partials(node), strict=True):
        share = node.grad * partial
        if parent._operation.name:
            parent._adjoint += share
        else:
            parent._left_partial += share


def node_of(x: object) -> Value:
    """x itself, which has to be a Value; a number has no history to walk."""
    if isinstance(x, Value):
        return x
    advice = "record the expression on Values, as in x = Value(2.0); y = x * x"
    if isinstance(x, (list, tuple)):
        advice = "give one of them, or their sum, autograd.sum(values)"
    raise TypeError(
        f"expected a Value, got {x!r:.60} of type {type(x).__name__}: {advice}"
    )


def number_of(x: object) -> float:
    """The number that a Value or a number stands for."""
    return x._data if isinstance(x, Value) else number(x)


def recorded_partials(node: Value) -> tuple[float, ...]:
    """The local derivatives that a node was recorded with, one for each parent."""
    right = node._right
    if node._left is not None:
        if right is None:
            return (node._left_partial,)
        return (node._left_partial, node._right_partial)
    if not isinstance(right, Terms):
        return ()
    return in_floats(right.partials) if COMPILED else tuple(right.partials)


def bare(x: object) -> Any:
    """The number that a Value stands for; anything else as it is."""
    return x._data if isinstance(x, Value) else x


def _condition(name: str, x: object, y: object) -> Any:
    """A comparison as a node, where one of the two stands for any number; else None.

    name: of the compiler's comparisons, such as "less".
    """
    guard = in_effect("guard")
    return None if guard is None else guard.condition(name, x, y)


def _joined(sign: str, x: object, y: object) -> Any:
    """Conditions as one condition: both, one of them, or the opposite of the first."""
    guard = in_effect("guard")
    found = None if guard is None else guard.joined(sign, x, y)
    if found is None:
        given = describe(x) if sign == "~" else f"{describe(x)} and {describe(y)}"
        raise TypeError(
            f"{sign} joins conditions, each in parentheses, such as (x > 0) & (x < 1), "
            f"(x < 0) | (x > 1) and ~(x > 0); it got {given}"
        )
    return found


def _no_power(x: object, y: object) -> TypeError:
    return TypeError(
        f"{describe(x)} ^ {describe(y)}: a power is written **, and that one of two "
        "conditions holds alone, !="
    )


def describe(x: object, names: Any = None) -> str:
    """A node as an error names it: its label or its operation, and its number.

    names: of nodes without a label, as `names_among` gives them.
    """
    if not isinstance(x, Value):
        return repr(x)
    guard = in_effect("guard")
    if guard is not None and guard.stands_in(x):
        return str(guard.described(x))
    name = cut(x._label)
    if not name and x._operation.name:
        name = f"{x._operation.name}(...)"
        if names is not None:
            name = str(names.get(x, name))
    return f"{name} = {x._data!r}" if name else repr(x._data)


def names_among(ends: Sequence[object]) -> Any:
    """What the computed nodes that led to some are called, for `describe`.

    >>> x = Value(3.0, label="x")
    >>> y = (x - 1) ** 2
    >>> describe(y, names_among([y]))
    'v2 = v1^2 = 4.0'
    """
    from autograd.naming import called

    return called([x for x in ends if isinstance(x, Value)], _digits)


def _digits(x: Value) -> str:
    return repr(x._data).removesuffix(".0")


def _refuse(how: str, value: Value) -> NoReturn:
    raise TypeError(
        f"{how} of the Value {describe(value)} would cut the graph, and gradients with "
        "it: use its method or autograd's function, such as v.tanh() for math.tanh(v), "
        "or take the bare number with v.data"
    )


def _leaf(data: float, label: str, grad: float, is_constant: bool) -> Value:
    leaf = Value(data, label)
    leaf._left_partial = grad
    if is_constant:
        leaf._operation = CONSTANT
    return leaf


# ---- recording -----------------------------------------------------------------------


def constant(x: object) -> Value:
    """A leaf for a bare number of an expression."""
    leaf = Value(x)
    leaf._operation = ANSWER if x is True or x is False else CONSTANT
    return leaf


def as_value(x: object) -> Value:
    """x itself if it is a Value, otherwise a constant."""
    return x if isinstance(x, Value) else constant(x)


def _unary(operation: Operation, x: Value, data: float, partial: float) -> Value:
    node = Value(BLANK)
    node._data = data
    node._operation = operation
    node._left = x
    node._left_partial = partial
    if MODE.traces:
        node = _traced(node)
    observer = MODE.observer
    if observer is not None:
        node = observer(node)
    return node


def _binary(
    operation: Operation, x: Value, y: Value, data: float, by_x: float, by_y: float
) -> Value:
    node = Value(BLANK)
    node._data = data
    node._operation = operation
    node._left = x
    node._right = y
    node._left_partial = by_x
    node._right_partial = by_y
    if MODE.traces:
        node = _traced(node)
    observer = MODE.observer
    if observer is not None:
        node = observer(node)
    return node


def many(
    operation: Operation,
    parents: tuple[Value, ...],
    data: float,
    partials: list[float],
) -> Value:
    """Record a node with any number of parents."""
    node = Value(BLANK)
    node._data = data
    node._operation = operation
    node._right = Terms(parents, partials)
    if MODE.traces:
        node = _traced(node)
    observer = MODE.observer
    if observer is not None:
        node = observer(node)
    return node


def _traced(node: Value) -> Value:
    """The node just recorded; as `Traced` where it leads back to a user's operation."""
    operation = node._operation
    own = ops.TABLE.get(operation.name) is not operation and operation is not ops.ALIAS
    if not own and not _leads_back(node):
        return node
    traced = Traced(BLANK)
    traced._data = node._data
    traced._operation = operation
    traced._left = node._left
    traced._right = node._right
    traced._left_partial = node._left_partial
    traced._right_partial = node._right_partial
    return traced


def _leads_back(node: Value) -> bool:
    right = node._right
    if isinstance(right, Terms):
        return any(isinstance(parent, Traced) for parent in right.parents)
    return isinstance(node._left, Traced) or isinstance(right, Traced)


def with_number(operation: Operation, x: object, y: object) -> Any:
    """What an operator gives where an operand is of another kind than Python's numbers.

    A fraction or a scalar of numpy's is a constant, and Decimal and complex numbers are
    an error that says what to write. Of anything else, such as an array, the operator
    is its own matter: NotImplemented makes Python ask it.
    """
    for operand in (x, y):
        if not isinstance(operand, Value) and not is_numeric(operand):
            return NotImplemented
    return record(operation, (x, y))


def _divide(x: Value, y: Value) -> Value:
    if y._data == 0.0:
        return binary(DIV, x, y)
    out = x._data / y._data
    return _binary(DIV, x, y, out, 1.0 / y._data, -out / y._data)


def record(operation: Operation, args: Sequence[object]) -> Value:
    """Apply a row of the table to Values and numbers, and record the node."""
    parents = tuple([as_value(arg) for arg in args])
    if operation.arity == 1:
        return unary(operation, parents[0])
    if operation.arity == 2:
        return binary(operation, parents[0], parents[1])
    numbers = [parent._data for parent in parents]
    data = forward(operation, numbers, parents)
    return many(operation, parents, data, local_partials(operation, numbers, data))


def unary(operation: Operation, x: Value) -> Value:
    """`record` for one operand."""
    if COMPILED and (node := record_row(operation, x)) is not None:
        return node
    number = x._data
    try:
        data = float(operation.forward(number))
        partial = float(operation.partials[0](number, data))
    except (ValueError, ZeroDivisionError, OverflowError):
        data = forward(operation, [number], (x,))
        partial = local_partials(operation, [number], data)[0]
    return _unary(operation, x, data, partial)


def binary(operation: Operation, x: Value, y: Value) -> Value:
    """`record` for two operands."""
    if COMPILED and (node := record_row(operation, x, y)) is not None:
        return node
    a, b = x._data, y._data
    try:
        data = float(operation.forward(a, b))
        by_x = float(operation.partials[0](a, b, data))
        by_y = float(operation.partials[1](a, b, data))
    except (ValueError, ZeroDivisionError, OverflowError):
        data = forward(operation, [a, b], (x, y))
        by_x, by_y = local_partials(operation, [a, b], data)
    return _binary(operation, x, y, data, by_x, by_y)


def forward(
    operation: Operation, numbers: list[float], parents: Sequence[Value]
) -> float:
    """The row's forward pass, with an error that names the operands."""
    try:
        return float(operation.forward(*numbers))
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        if in_effect("ieee"):
            return limit(operation, numbers, error)
        raise _outside(operation, parents, error) from None


def outside(operation: Operation, numbers: tuple[Any, ...], error: Exception) -> float:
    """What an operation on plain numbers gives, or raises, outside its domain.

    While `compile` records, it is an error also where Values would give nan: a number
    is the same for every row.
    """
    guard = in_effect("guard")
    if guard is not None:
        raise guard.located(_outside(operation, numbers, error)) from None
    if in_effect("ieee"):
        return limit(operation, list(numbers), error)
    raise _outside(operation, numbers, error) from None


ELSEWHERE.answer = outside


def _outside(
    operation: Operation, parents: Sequence[object], error: Exception
) -> Exception:
    return domain_error(operation, parents, error, parents)


def domain_error(
    operation: Operation,
    parents: Sequence[object],
    error: Exception,
    nodes: Sequence[object],
) -> Exception:
    """What is said where an operation has no answer.

    error: Python's own. nodes: the parents, after those that wait for the result; in
        their order computed nodes are numbered.
    """
    names = names_among(nodes)
    operands = ", ".join([describe(parent, names) for parent in parents[:4]])
    if len(parents) > 4:
        operands += ", ..."
    kind: type[Exception] = ValueError
    what = f"{operation.name}({operands}) is not defined"
    if isinstance(error, OverflowError):
        kind = OverflowError
        what = f"{operation.name}({operands}) overflows: beyond the largest float"
        if operation.raises != (OverflowError,):
            return kind(f"{what}, 1.8e308. Keep the operands smaller.")
    elif isinstance(error, ZeroDivisionError):
        kind = ZeroDivisionError
    if not operation.domain:
        return kind(f"{what}: {error}")
    return kind(f"{what}; it needs {operation.domain}. {operation.advice}".rstrip())


def local_partials(
    operation: Operation, numbers: list[float], data: float
) -> list[float]:
    """The row's partial derivatives at these numbers.

    A pole of a derivative is not an error: it gives inf or nan, as in torch.
    """
    try:
        return [float(d) for d in evaluate(operation, numbers, data)]
    except (ValueError, ZeroDivisionError, OverflowError):
        quiet = [Quiet(x) for x in numbers]
        return [float(d) for d in evaluate(operation, quiet, Quiet(data))]


def evaluate(operation: Operation, args: Sequence[Any], out: Any) -> Any:
    """The partials as the row states them: numbers for numbers, nodes for nodes."""
    if operation.all_partials is not None:
        return operation.all_partials(args, out)
    return [partial(*args, out) for partial in operation.partials]


def _observe(node: Value) -> Value:
    """A node just recorded, as this task wants it: checked, or without history."""
    watcher = in_effect("watcher")
    if watcher is not None:
        watcher(node)
    if not no_grad_is_on():
        return node
    guard = MODE.guard
    if guard is not None:
        guard(node, "computing inside no_grad()")
    return Value(node._data)


MODE.observing = _observe


def watch_backward(output: Value, seed: float) -> None:
    """Let this task's watcher look before gradients flow."""
    watcher = in_effect("backward_watcher")
    if watcher is not None:
        watcher(output, seed)


def _replay_all(output: Value) -> bool:
    """Compute a graph anew, or not at all; whether a condition was kept in it."""
    order = in_order([output])[0]
    before = [(node._data, recorded_partials(node)) for node in order]
    try:
        for node in order:
            _replay(node)
    except BaseException:
        for node, (data, partials) in zip(order, before, strict=True):
            if node.parents:
                _set(node, data, partials)
        raise
    return any(node._operation is ANSWER for node in order)


def _replay(node: Value) -> None:
    """Ask the row for the node's number and local derivatives anew."""
    parents = node.parents
    if not node._operation.name:
        return
    numbers = [parent._data for parent in parents]
    data = forward(node._operation, numbers, parents)
    _set(node, data, local_partials(node._operation, numbers, data))
    if MODE.observer is not None:
        _observe(node)


def _warn_of_answers() -> None:
    import warnings

    warnings.warn(
        "recompute() kept the True or False that is a condition in this graph: if it "
        "was the answer to a question such as x > 0, it was given by the numbers of "
        "that time. where(relu(x), a, b) asks anew whether x > 0; for an answer that "
        "stays, write 1.0 or 0.0",
        RuntimeWarning,
        stacklevel=1 if COMPILED else 3,
    )


def _set(node: Value, data: float, partials: Sequence[float]) -> None:
    node._data = data
    right = node._right
    if isinstance(right, Terms):
        right.partials = Terms(right.parents, list(partials)).partials
        return
    node._left_partial = partials[0]
    if right is not None:
        node._right_partial = partials[1]


# ---- the order, and the chain rule over it -------------------------------------------


@final
class Since:
    """A moment: nodes made before it are told from those made after.

    tick: of the clock, then. A node whose mark is not above it was made before. (One
        with a mark above it may have been, where a walk came by in the meantime.)
    calls: of the clock, then. A leaf that keeps fewer was made before.
    """

    __slots__ = ("calls", "tick")

    def __init__(self, tick: i64, calls: float) -> None:
        self.tick: i64 = tick
        self.calls: float = calls


ALWAYS: Final = Since(0, 0.0)
"""Before every node."""


def from_now_on() -> Since:
    """This moment."""
    if COMPILED:  # no other thread comes in between
        return _moment()
    with LOCK:
        return _moment()


def _moment() -> Since:
    CLOCK.tick += 1
    CLOCK.calls += 1.0
    return Since(CLOCK.tick - 1, CLOCK.calls)


def in_order(outputs: list[Value], since: Since = ALWAYS) -> tuple[list[Value], bool]:
    """Every node that led to the outputs, parents before children, left before right.

    And whether the walk met a node made before the moment, where it turns back. Depth
    first: a node comes when all its parents have come. Marks are above those of earlier
    walks, so that nothing has to be cleaned up after one, not even one that was
    interrupted. Callers hold LOCK, because the marks are on the nodes.
    """
    if COMPILED:
        return ordered(outputs, since)
    under_way = CLOCK.tick + 1
    placed = under_way + 1
    CLOCK.tick = placed
    met = False
    order: list[Value] = []
    stack = outputs[::-1]
    while stack:
        node = stack.pop()
        if node._mark == placed:
            continue
        if node._mark <= since.tick:
            met = True
            continue
        left: Any = node._left
        right: Any = node._right
        is_leaf = left is None and right is None
        if node._mark == under_way or is_leaf:
            node._mark = placed
            order.append(node)
            met = met or (is_leaf and node._right_partial < since.calls)
            continue
        node._mark = under_way
        stack.append(node)  # below its parents, so that it comes again after them
        if left is None:
            stack += right.parents[::-1]
        elif right is None:
            stack.append(left)
        else:
            stack += (right, left)
    CLOCK.tick += len(order)  # a mark for each, for its place
    return order, met


def derivatives(
    outputs: list[Value],
    seeds: list[float],
    inputs: list[Value],
    since: Since = ALWAYS,
) -> list[float] | None:
    """The derivative of seeds times outputs by each input; None where the walk met an
    older node. Callers hold LOCK."""
    if COMPILED:
        return slopes(outputs, seeds, inputs, since)
    order, met = in_order(outputs, since)
    if met:
        return None
    adjoints = _sweep(order, outputs, seeds)
    first = CLOCK.tick - len(order) + 1
    return [adjoints[x._mark - first] if x._mark >= first else 0.0 for x in inputs]


def _go_backward(output: Value, seed: float) -> None:
    """Leaves add up over passes; every other node keeps the latest."""
    if COMPILED:
        backward([output], [seed], ALWAYS)
        return
    order = in_order([output])[0]
    adjoints = _sweep(order, [output], [seed])
    for node, adjoint in zip(order, adjoints, strict=True):
        node._adjoint = adjoint
        if node._left is None and node._right is None:
            node._left_partial += adjoint


def _sweep(order: list[Value], outputs: list[Value], seeds: list[float]) -> list[float]:
    """The chain rule: each node hands every parent its adjoint x local derivative.

    Children first, so that a node's adjoint is complete before it is handed on. Returns
    the adjoints, in the order of the nodes, each of which is marked with its place in
    it: the order is the latest.
    """
    first = CLOCK.tick - len(order) + 1
    for place, node in enumerate(order):
        node._mark = first + place
    adjoints = [0.0] * len(order)
    for output, seed in zip(outputs, seeds, strict=True):
        adjoints[output._mark - first] += seed
    for node, adjoint in zip(reversed(order), reversed(adjoints), strict=True):
        left: Any = node._left
        right: Any = node._right
        if left is not None:
            share = adjoint * node._left_partial
            if share != share:
                share = chosen(node, 0, share)
            adjoints[left._mark - first] += share
            if right is not None:
                share = adjoint * node._right_partial
                if share != share:
                    share = chosen(node, 1, share)
                adjoints[right._mark - first] += share
        elif right is not None:
            for place, parent in enumerate(right.parents):
                share = adjoint * right.partials[place]
                if share != share:
                    share = chosen(node, place, share)
                adjoints[parent._mark - first] += share
    return adjoints


def packed(nodes: list[Value]) -> bytes:
    """The numbers of nodes as the bytes of doubles, which NumPy reads as they are."""
    if COMPILED:
        return data_of(nodes)
    return struct.pack(f"{len(nodes)}d", *[node._data for node in nodes])


def taken(nodes: list[Value]) -> Any:
    """The adjoints of nodes, which are 0 from here on, for `put_back`."""
    if COMPILED:
        return take_adjoints(nodes)
    before = [node._adjoint for node in nodes]
    for node in nodes:
        node._adjoint = 0.0
    return before


def put_back(nodes: list[Value], before: Any) -> None:
    """Give nodes the adjoints that they had before."""
    if COMPILED:
        put_adjoints(nodes, before)
        return
    for index, node in enumerate(nodes):
        node._adjoint = before[index]


def chosen(node: Value, place: int, share: float) -> float:
    """What a node hands on where the product is nan: 0 to a parent it did not choose.

    For a branch not taken, what is above has no say: an infinite slope times 0 is 0.
    """
    return 0.0 if masks(node, place, recorded_partials(node)[place]) else share


def masks(node: Value, place: int, partial: float) -> bool:
    """Whether a local derivative is 0 because this parent was not chosen."""
    selects = node._operation.selects
    if selects is False or partial != 0.0:
        return False
    if selects is True:
        return True
    decided = selects(*[parent._data for parent in node.parents])
    return bool(decided[place])


if COMPILED:
    # After which a call that __init__ would refuse comes to `made`.
    adopt(
        *(Value, Terms, MODE, CLOCK, ops.TABLE),
        *((CONSTANT, ANSWER, LEAF), chosen, _replay),
    )
else:
    from autograd.family import accepting

    accepting(Value, give_parents)
