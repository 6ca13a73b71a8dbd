"""Modes: what a `with` block changes about recording, for whoever entered it alone.

A mode belongs to the task that entered it. It is kept in a context variable, so that
another thread or another asyncio task knows nothing of it, and a task that is started
inside the block is inside as well. What a context variable does not tell apart is a
generator and its caller: while a generator waits in a `yield` of its own, whoever runs
meanwhile is not inside its block.

    >>> def halves(x):
    ...     with no_grad():
    ...         yield x / 2
    >>> steps = halves(6.0)
    >>> next(steps), no_grad_is_on()
    (3.0, False)
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar

from autograd.hints import Any, Decorated, Final, final, overload

Function = Callable[..., Any]


@final
class Mode:
    """The hooks that recording asks, each None where nobody needs it.

    observer: called with each node just recorded; what it returns is the result. Set
        while anybody is inside `no_grad` or `detect_anomaly`.
    guard: called with each Value whose number Python code asks for, and how; the
        compiler refuses where that number stands for any. Set while anybody records a
        function for it.
    observed, guarded: how many such blocks are open.
    observing: what `observer` is then; `value` says it, which knows what a node is.
    traces: whether an operation of a user's own was ever declared; see `Traced`.
    """

    __slots__ = ("guard", "guarded", "observed", "observer", "observing", "traces")

    def __init__(self) -> None:
        self.observer: Callable[[Any], Any] | None = None
        self.observing: Callable[[Any], Any] | None = None
        self.observed: int = 0
        self.guard: Callable[[Any, str], None] | None = None
        self.guarded: int = 0
        self.traces: bool = False


MODE: Final = Mode()
COUNTING: Final = threading.RLock()

OPEN: Final[ContextVar[tuple[Setting, ...]]] = ContextVar("open", default=())
"""The settings that were entered here and not left since, the outermost first."""

HERE: Final[ContextVar[None]] = ContextVar("here")
"""Only for its tokens, each of which knows the context that it was made in."""


@final
class Setting:
    """A setting of this task, for the length of a `with` block or of a function.

    name: what it says something about.
        ieee: answer outside a domain with inf and nan, as IEEE 754 does, not an error.
        silent: record nothing.
        watcher: called with each node just recorded.
        backward_watcher: called with the output and the seed before a pass backward.
        rules: called in place of `evaluate` where derivatives become nodes.
        guard: called where `MODE.guard` is.
    setting: what it says; the innermost holds.
    observes: whether it needs one of the hooks of MODE.

    Compiled, entering and leaving can't be interrupted halfway. Plain, Ctrl-C may come
    between the end of the block and `__exit__`; then `__del__` takes the setting back.
    """

    on: bool = False  # also where __init__ never ran: `__del__` asks

    def __init__(self, name: str, setting: Any, observes: bool) -> None:
        self.name = name
        self.setting = setting
        self.observes = observes
        self.owner: Any = None
        self.token: Any = None

    def __enter__(self) -> None:
        if self.on:
            raise RuntimeError(
                "this block's mode is on already: one object serves one `with` at a "
                "time; write no_grad() anew for each"
            )
        self.owner = _suspendable()
        self.token = HERE.set(None)
        if self.observes:
            _count(self.name, 1)
        self.on = True
        OPEN.set((*[each for each in OPEN.get() if each.on], self))

    def __exit__(self, *error: object) -> None:
        self._end()

    def __del__(self) -> None:
        self._end()

    def _end(self) -> None:
        if self.on:
            self.on = False
            self.owner = self.token = None
            OPEN.set(tuple([each for each in OPEN.get() if each.on]))
            if self.observes:
                _count(self.name, -1)

    def holds(self) -> bool:
        """Whether it holds for what runs now, in whose context it is open.

        Not where the generator or coroutine that entered it is suspended: what runs now
        is then somebody else. Except for a task that a coroutine started inside the
        block, and waits for: it runs in a copy of the coroutine's context.
        """
        if not self.on:
            return False
        if self.owner is None or _runs(self.owner):
            return True
        if not self.owner.f_code.co_flags & COROUTINE:
            return False
        try:
            HERE.reset(self.token)
        except (ValueError, RuntimeError):  # it was made in another context
            return True
        self.token = HERE.set(None)
        return False

    def __call__(self, function: Function) -> Function:
        """The function, with this setting while it runs."""
        from autograd.wrapping import inside

        return inside(lambda: Setting(self.name, self.setting, self.observes), function)


COROUTINE: Final = 0x80  # as in `inspect`, which takes long to import
SUSPENDABLE: Final = 0x20 | COROUTINE | 0x200
"""Flags of the code of generators, coroutines and asynchronous generators."""

ENTERING: Final = frozenset(
    ("__enter__", "__aenter__", "enter_context", "enter_async_context")
)
"""Functions that enter a block for their caller, as a generator does that they run."""


def _suspendable() -> Any:
    """The frame of the innermost generator or coroutine that runs here; or None.

    Frames that enter for their caller are passed over, and so is a generator that one
    of them runs, which is what `contextlib.contextmanager` makes of one.
    """
    frame: Any = sys._getframe()
    while frame is not None:
        before = frame.f_back
        suspendable = frame.f_code.co_flags & SUSPENDABLE and not _enters(frame)
        if suspendable and (before is None or not _enters(before)):
            return frame
        frame = before
    return None


def _enters(frame: Any) -> bool:
    return frame.f_code.co_name in ENTERING


def _runs(frame: Any) -> bool:
    """Whether a frame is on the stack: it then has one before it, or is the first."""
    if frame.f_back is not None:
        return True
    first: Any = sys._getframe()
    while first.f_back is not None:
        first = first.f_back
    return first is frame


def in_effect(name: str) -> Any:
    """The innermost setting of this name that holds here; None where there is none."""
    for each in reversed(OPEN.get()):
        if each.name == name and each.holds():
            return each.setting
    return None


@overload
def ieee() -> Setting: ...
@overload
def ieee(function: Decorated, /) -> Decorated: ...
def ieee(function: Function | None = None, /) -> Any:
    """Compute with IEEE 754 answers, inf and nan, where a domain error would be raised.

    For optimizers and solvers, which try numbers and turn back where the answer is not
    finite. Holds for Values and for this package's functions of plain numbers, in this
    task, inside the block or, written as `@ieee`, inside the function. (Python's own
    operators on two floats, as in 1.0 / 0.0, raise an error all the same.)

    >>> from autograd import exp, log
    >>> with ieee():
    ...     exp(1000.0), log(-1.0), (1 / Value(0.0)).data
    (inf, nan, inf)
    """
    return block_or_decorated(Setting("ieee", True, False), function)


@overload
def no_grad() -> Setting: ...
@overload
def no_grad(function: Decorated, /) -> Decorated: ...
def no_grad(function: Function | None = None, /) -> Any:
    """Compute without recording: results are leaves, in this task, inside the block.

    For measuring and for updates, where gradients are not wanted. A transform such as
    `grad` called inside still differentiates, because that is what it is asked for.
    Written above a function, as `@no_grad`, it holds inside that function, be it a
    generator or a coroutine. While one of those waits inside the block, in `yield` or
    `await`, the block does not hold for what others do; a task or thread of another's
    does not know of it at all.

    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.data, y.parents
    (9.0, ())
    """
    return block_or_decorated(Setting("silent", True, True), function)


def block_or_decorated(block: Any, function: object) -> Any:
    """A mode's block; or the function above which the mode is written, inside one.

    Raises TypeError where that is no function.
    """
    if function is None:
        return block
    if not callable(function):
        raise TypeError(
            "a mode such as no_grad() takes nothing, or as @no_grad the function below "
            f"it; got {function!r:.60} of type {type(function).__name__}"
        )
    return block(function)


def recording() -> Setting:
    """Record also inside `no_grad`."""
    return Setting("silent", False, False)


def no_grad_is_on() -> bool:
    """Whether this task computes without recording."""
    return bool(in_effect("silent"))


def _count(name: str, change: int) -> None:
    """Set a hook while anybody has a setting that needs it."""
    with COUNTING:
        if name == "guard":
            MODE.guarded += change
            MODE.guard = _ask if MODE.guarded else None
        else:
            MODE.observed += change
            MODE.observer = MODE.observing if MODE.observed else None


def _ask(value: Any, how: str) -> None:
    """Ask this task's guard: others may read what is an input or a parameter here."""
    guard = in_effect("guard")
    if guard is not None:
        guard(value, how)
