"""A call made ready: arrays to write into and to read, and nothing between them.

A call of a program checks what it is given, finds its memory and makes new arrays for
what it returns. That takes microseconds, which is much where a program computes for
less, as one does that is a step of a simulation or of a game. A prepared call has done
it all beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, final


@final
class Prepared:
    """One request over a fixed number of rows; made by `Program.prepared`.

    X: (N, I) numbers, and parameters: (P,) numbers, which the caller writes in place.
    outputs: what the request gives for every row, as the last call left it.
    means: what it gives over all rows: for "gradient" the P derivatives and the value.

    Calling it computes outputs and means anew, in the same arrays: copy what has to
    outlast the next call. It belongs to one thread at a time.
    """

    __slots__ = ("X", "_kept", "_run", "means", "outputs", "parameters")

    def __init__(
        self,
        X: Any,
        parameters: Any,
        outputs: Any,
        means: Any,
        run: Callable[[], object],
        kept: object = None,
    ) -> None:
        self.X: Final = X
        self.parameters: Final = parameters
        self.outputs: Final = outputs
        self.means: Final = means
        self._run = run
        self._kept = kept  # the memory that machine code works in

    def __call__(self) -> None:
        """Compute outputs and means from X and parameters."""
        self._run()

    def __repr__(self) -> str:
        rows, inputs = self.X.shape
        return f"Prepared({rows} rows, {inputs} inputs, {len(self.parameters)} numbers)"


def with_doubts(
    call: Prepared, sure: Callable[..., bool], other: Callable[[], Prepared]
) -> Prepared:
    """The call, and where it is not sure of its numbers what another call finds.

    sure: of the arrays that were given and computed. other: makes that call, when it
        is first needed.
    """
    arrays = call.X, call.parameters, call.outputs, call.means
    made: list[Prepared] = []

    def run() -> None:
        call()
        if sure(*arrays[1:]):
            return
        if not made:
            made.append(other())
        again = made[0]
        again.X[:], again.parameters[:] = arrays[:2]
        again()
        arrays[2][:], arrays[3][:] = again.outputs, again.means

    return Prepared(*arrays, run, call)
