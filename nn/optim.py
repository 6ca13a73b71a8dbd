"""Optimizers: how gradients move parameters. Each one is mostly its update rule.

    >>> x = Value(3.0)
    >>> optimizer = SGD([x], lr=0.1)
    >>> for _ in range(100):
    ...     optimizer.zero_grad()
    ...     (x * x).backward()
    ...     optimizer.step()
    >>> round(x.data, 9)
    1e-09

The arithmetic is that of torch.optim, operation by operation. A rule is a function
without memory of its own, written with ordinary operators: called with arrays it moves
all parameters at once, called with Values it is recorded, and becomes machine code.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from autograd.family import missing, none_of
from autograd.numeric import is_number
from autograd.value import Value
from nn.arguments import with_names_of_class
from nn.extras import require
from nn.hints import Array, Operand, OptimizerState

Kind = TypeVar("Kind", bound=Operand)


class Optimizer:
    """What all optimizers share: the parameters, the learning rate and the memory.

    parameters: the Values to move, and no others. May be left out where `fit` gets the
        optimizer; it then moves all that the model trains.
    lr: the learning rate, above 0.
    weight_decay: how strongly parameters are pulled to 0, from 0.

    An optimizer of your own is a subclass with a method `rule`, and `keeps`: names for
    what the rule remembers of each parameter from step to step, 0 at first.

    >>> class Averaged(Optimizer):
    ...     keeps = ("mean",)
    ...     def rule(self, w, g, lr, t, mean):
    ...         mean = mean + (g - mean) / t
    ...         return w - lr * mean, mean
    >>> x = Value(1.0)
    >>> optimizer = Averaged([x], lr=0.25)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> x.data, optimizer.memory["mean"].tolist()
    (0.5, [2.0])
    """

    keeps: tuple[str, ...] = ()

    def __init_subclass__(cls, **options: object) -> None:
        """What torch calls arguments is told what to write instead."""
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = with_names_of_class(cls.__init__)  # type: ignore[method-assign]

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        lr: float = 0.01,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters: list[Value] = []
        self.lr = above_zero(lr, "lr")
        self.weight_decay = from_zero(weight_decay, "weight_decay")
        self.steps = 0
        self.memory: dict[str, Array] = {}
        self.given = parameters is not None
        if parameters is not None:
            self.bind(parameters)

    def bind(self, parameters: Iterable[Value]) -> None:
        """Take these parameters, and forget what was learned about others."""
        if is_number(parameters):
            raise TypeError(
                "an optimizer takes a model's parameters before the rate, or neither "
                f"without a name: {type(self).__name__}(lr={parameters!r})"
            )
        if callable(parameters):
            raise TypeError("an optimizer takes parameters: write model.parameters()")
        listed = list(parameters)
        if any(isinstance(each, dict) for each in listed):
            raise TypeError(
                "an optimizer has no groups: give it a list of Values, and make one "
                "optimizer for each rate"
            )
        values = list(dict.fromkeys(listed))
        if not values:
            raise ValueError(
                "an optimizer needs parameters; is everything frozen, or are weights "
                "numbers, and no Values?"
            )
        for value in values:
            if not isinstance(value, Value) or value.op:
                raise TypeError(
                    f"an optimizer moves leaf Values, such as model.parameters(); got "
                    f"{value!r}"
                )
        if values != self.parameters:
            self.parameters, self.steps, self.memory = values, 0, {}

    def __getattr__(self, name: str) -> NoReturn:
        raise missing("Optimizer", name, self, shown=type(self).__name__)

    def zero_grad(self, **options: object) -> None:
        """Set the gradient of every parameter to 0."""
        none_of("zero_grad", options)
        for parameter in self.parameters:
            parameter.grad = 0.0

    def step(self) -> None:
        """Move every parameter once, by the gradients they hold."""
        require("numpy")
        import numpy as np

        if not self.parameters:
            raise ValueError(
                f"this {type(self).__name__} has no parameters yet; write "
                f"{type(self).__name__}(model.parameters(), lr={self.lr})"
            )
        data = np.array([parameter.data for parameter in self.parameters])
        gradient = np.array([parameter.grad for parameter in self.parameters])
        for parameter, number in zip(
            self.parameters, self.update(data, gradient).tolist(), strict=True
        ):
            parameter.data = number

    def update(self, data: Array, gradient: Array, factor: float = 1.0) -> Array:
        """The parameters' next numbers, from the present ones and their gradients.

        factor: what a schedule makes of the learning rate at this moment.
        """
        self.steps += 1
        t: float = self.steps
        data, *memory = self.apply(
            data, gradient, self.lr * factor, t, *self.remembered(data)
        )
        self.memory = dict(zip(self.keeps, memory, strict=True))
        return data

    def remembered(self, data: Array) -> list[Array]:
        """What is remembered of each parameter, in the order of `keeps`."""
        import numpy as np

        known = self.memory
        return [known[k] if k in known else np.zeros_like(data) for k in self.keeps]

    def apply(
        self, w: Kind, g: Kind, lr: Operand, t: Operand, *memory: Kind
    ) -> tuple[Kind, ...]:
        """What `rule` returns, always as a tuple: the next w, and what it keeps."""
        found: Any = self.rule(w, g, lr, t, *memory)  # of one kind with its operands
        every: tuple[Kind, ...] = found if isinstance(found, tuple) else (found,)
        if len(every) != 1 + len(self.keeps):
            kept = "".join([f", {name}" for name in self.keeps])
            raise TypeError(
                f"the rule of {type(self).__name__} returned {len(every)} of (w{kept})"
                ": return the next w and, in a tuple after it, one array for each name "
                "in `keeps`"
            )
        return every

    def rule(
        self, w: Operand, g: Operand, lr: Operand, t: Operand, *memory: Any, **_: Any
    ) -> Operand | tuple[Operand, ...]:
        """The next w; where something is kept, a tuple of it and what to keep.

        w: the parameters. g: their gradients. lr: the learning rate, with what a
        schedule makes of it. t: the number of this step, from 1. memory: what was kept
        at the last step, in the order of `keeps`; 0 at first.
        """
        raise NotImplementedError

    def state_dict(self) -> OptimizerState:
        """What it remembers: the number of steps and the memory, as plain lists."""
        memory = {name: array.tolist() for name, array in self.memory.items()}
        return {"steps": self.steps, "memory": memory}

    def load_state_dict(self, state: OptimizerState) -> None:
        """Remember what `state_dict()` gave; the next step is then the same.

        Raises ValueError where it belongs to another number of parameters, or to an
        optimizer that remembers something else.
        """
        import numpy as np

        memory = {k: np.array(v, dtype=float) for k, v in state["memory"].items()}
        if memory and set(memory) != set(self.keeps):
            raise ValueError(
                f"this state remembers {', '.join(memory)}, but {self!r} remembers "
                f"{', '.join(self.keeps) or 'nothing'}; use the optimizer that it is of"
            )
        for name, array in memory.items():
            if array.shape != (len(self.parameters),):
                raise ValueError(
                    f"the optimizer's {name} has {array.size} numbers, but there are "
                    f"{len(self.parameters)} parameters"
                )
        self.steps, self.memory = int(state["steps"]), memory

    def settings(self) -> dict[str, object]:
        """What it was made with, by name."""
        hidden = ("parameters", "steps", "memory", "given")
        return {k: v for k, v in vars(self).items() if k not in hidden}

    def bare(self) -> Optimizer:
        """A copy of its settings alone, without lr: what `rule` may read.

        All else it is handed. A rule that reads another of its attributes, such as
        `steps`, raises AttributeError there.

        >>> SGD(lr=0.1, momentum=0.9).bare()
        SGD(weight_decay=0.0, momentum=0.9, nesterov=False)
        """
        bare = type(self).__new__(type(self))
        vars(bare).update({k: v for k, v in self.settings().items() if k != "lr"})
        return bare

    def __repr__(self) -> str:
        settings = [f"{k}={v}" for k, v in self.settings().items()]
        return f"{type(self).__name__}({', '.join(settings)})"


class SGD(Optimizer):
    """w - lr * g: straight down the slope, with momentum if wanted.

    momentum: how much of the last step goes into this one, from 0 to below 1.
    nesterov: look ahead by the momentum before stepping.
    """

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        lr: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay)
        self.momentum = _fraction(momentum, "momentum")
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ValueError("nesterov needs a momentum above 0, such as 0.9")

    @property
    def keeps(self) -> tuple[str, ...]:  # type: ignore[override]
        """The velocity, if there is momentum."""
        return ("velocity",) if self.momentum else ()

    def rule(
        self, w: Operand, g: Operand, lr: Operand, t: Operand, *memory: Operand
    ) -> Operand | tuple[Operand, ...]:
        """v = momentum * v + g; w = w - lr * v."""
        g = g + self.weight_decay * w
        if not self.momentum:
            return w - lr * g
        v = self.momentum * memory[0] + g
        return w - lr * (g + self.momentum * v if self.nesterov else v), v


class Adam(Optimizer):
    """Steps of the same size for steep and flat directions (Kingma and Ba, 2015).

    betas: how much of the mean slope and of its mean square is kept at each step.
    eps: added to the divisor, so that it is never 0.
    weight_decay: added to the gradient, as in torch; see `AdamW` for the other way.
        Where none is given, 0.
    """

    keeps = ("mean", "square")
    usual_decay = 0.0

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float | None = None,
    ) -> None:
        decay = self.usual_decay if weight_decay is None else weight_decay
        super().__init__(parameters, lr, weight_decay=decay)
        if not isinstance(betas, Sequence) or len(betas) != 2:
            raise TypeError(f"betas are two numbers, (0.9, 0.999); got {betas!r}")
        first, second = betas
        self.betas = (_fraction(first, "betas[0]"), _fraction(second, "betas[1]"))
        self.eps = from_zero(eps, "eps")

    def rule(
        self, w: Operand, g: Operand, lr: Operand, t: Operand, m: Operand, v: Operand
    ) -> tuple[Operand, ...]:
        """w - lr * m / sqrt(v), with the running means m of g and v of g*g."""
        return self._move(w, g + self.weight_decay * w, lr, t, m, v)

    def _move(
        self, w: Operand, g: Operand, lr: Operand, t: Operand, m: Operand, v: Operand
    ) -> tuple[Operand, ...]:

        one, two = self.betas
        m = m + (1 - one) * (g - m)
        v = two * v + (1 - two) * g * g
        # Both means start at 0; dividing by these factors takes that out again.
        unbiased = _sqrt(v) / _sqrt(1 - two**t)
        return w - lr / (1 - one**t) * (m / (unbiased + self.eps)), m, v


class AdamW(Adam):
    """Adam whose weight decay, by default 0.01, shrinks the parameters directly.

    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).

    >>> AdamW().weight_decay, Adam().weight_decay
    (0.01, 0.0)
    """

    usual_decay = 0.01

    def rule(
        self, w: Operand, g: Operand, lr: Operand, t: Operand, m: Operand, v: Operand
    ) -> tuple[Operand, ...]:
        """Adam's step from (1 - lr * weight_decay) * w."""
        return self._move(w * (1 - lr * self.weight_decay), g, lr, t, m, v)


class RMSProp(Optimizer):
    """Each slope is divided by its own running size (Tieleman and Hinton, 2012).

    alpha: how much of the mean square is kept at each step.
    eps: added to the divisor, so that it is never 0.
    momentum: how much of the last step goes into this one, from 0 to below 1.
    """

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay)
        self.alpha = _fraction(alpha, "alpha")
        self.eps = from_zero(eps, "eps")
        self.momentum = _fraction(momentum, "momentum")

    @property
    def keeps(self) -> tuple[str, ...]:  # type: ignore[override]
        """The mean square, and the velocity if there is momentum."""
        return ("square", "velocity") if self.momentum else ("square",)

    def rule(
        self, w: Operand, g: Operand, lr: Operand, t: Operand, *memory: Operand
    ) -> tuple[Operand, ...]:
        """w - lr * g / sqrt(v), with the running mean v of g*g."""

        g = g + self.weight_decay * w
        v = self.alpha * memory[0] + (1 - self.alpha) * g * g
        step = g / (_sqrt(v) + self.eps)
        if not self.momentum:
            return w - lr * step, v
        step = self.momentum * memory[1] + step
        return w - lr * step, v, step


OPTIMIZERS: Mapping[str, type[Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSProp,
}
"""The optimizers by name."""


def above_zero(x: float, name: str) -> float:
    """The number itself. Raises ValueError where it is not finite and above 0."""
    if not is_number(x) or not 0 < x < math.inf:
        raise ValueError(f"{name} is a number above 0; got {x!r}")
    return x


def from_zero(x: float, name: str) -> float:
    """The number itself. Raises ValueError where it is not finite, or below 0."""
    if not is_number(x) or not 0 <= x < math.inf:
        raise ValueError(f"{name} is a number from 0; got {x!r}")
    return x


def _sqrt(x: Any) -> Any:
    """Of a Value by its method, so that a rule is recorded without NumPy as well."""
    if isinstance(x, Value):
        return x.sqrt()
    import numpy as np

    return np.sqrt(x)


def _fraction(x: float, name: str) -> float:
    if not is_number(x) or not 0 <= x < 1:
        raise ValueError(f"{name} is a number from 0 to below 1; got {x!r}")
    return x
