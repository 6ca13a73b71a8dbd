"""Modes hold for the task, generator or coroutine that entered them, and nobody else.

Each way to run two things by turns gets a worker that waits inside a mode's block, and
an onlooker that records meanwhile.
"""

import asyncio
import contextlib
import gc
import threading
import weakref

import pytest

from autograd import Value, detect_anomaly, grad, no_grad
from autograd.modes import MODE, Setting, ieee, in_effect, no_grad_is_on

MODES = {
    "no_grad": (no_grad, no_grad_is_on),
    "detect_anomaly": (detect_anomaly, lambda: in_effect("watcher") is not None),
    "ieee": (ieee, lambda: bool(in_effect("ieee"))),
}


@pytest.fixture(params=MODES)
def mode(request):
    """A mode, and the question whether it holds; all are off afterwards."""
    yield MODES[request.param]
    gc.collect()
    assert (MODE.observed, MODE.observer, MODE.guard) == (0, None, None)


@contextlib.contextmanager
def by_a_function(mode):
    with mode():
        yield


class ByAClass:
    """A block of one's own around the mode's."""

    def __init__(self, mode):
        self.mode = mode()

    def __enter__(self):
        self.mode.__enter__()

    def __exit__(self, *error):
        self.mode.__exit__(*error)


@contextlib.contextmanager
def by_a_stack(mode):
    with contextlib.ExitStack() as stack:
        stack.enter_context(by_a_function(mode))
        yield


@contextlib.contextmanager
def twice(mode):
    with mode(), mode():
        yield


WAYS = [lambda mode: mode(), by_a_function, ByAClass, by_a_stack, twice]
"""How a block may be entered: all of them hold inside, and only there."""


@pytest.mark.parametrize("way", WAYS)
def test_a_mode_ends_with_its_block_and_with_an_error(mode, way):
    enter, holds = mode
    with way(enter):
        assert holds()
    assert not holds()
    with pytest.raises(KeyError), way(enter):
        raise KeyError
    assert not holds()


@pytest.mark.parametrize("way", WAYS)
def test_a_generator_that_waits_inside(mode, way):
    enter, holds = mode

    def work(found):
        with way(enter):
            found.append(holds())
            yield
            found.append(holds())
            yield
            found.append(holds())

    found = []
    one, other = work(found), work(found)
    for step in (one, other, other, one):
        next(step)
        assert not holds()
    assert next(one, "end") == "end"
    with enter():
        assert next(other, "end") == "end"
        assert holds()
    assert found == [True] * 6
    assert not holds()


def test_a_generator_inside_a_generator(mode):
    enter, holds = mode

    def inner():
        yield holds()

    def outer():
        with enter():
            yield from inner()
            yield next(inner())

    found = outer()
    assert next(found)
    assert not holds()
    assert next(found)
    assert not holds()


@pytest.mark.parametrize("ends", [lambda g: g.close(), lambda g: g.throw(KeyError)])
def test_a_generator_that_is_ended(mode, ends):
    enter, holds = mode

    def work():
        with enter():
            yield

    found = work()
    next(found)
    with contextlib.suppress(KeyError):
        ends(found)
    assert not holds()


def test_a_generator_that_is_forgotten_leaves_nothing_behind(mode):
    enter, holds = mode

    class Thing:
        pass

    def work(thing):
        with enter():
            yield thing

    thing = Thing()
    found = work(thing)
    next(found)
    gone = weakref.ref(thing)
    del found, thing
    gc.collect()
    assert gone() is None
    assert not holds()


@pytest.mark.parametrize("way", WAYS)
def test_a_coroutine_that_is_driven_by_hand(mode, way):
    enter, holds = mode

    class Pause:
        def __await__(self):
            yield

    async def work():
        with way(enter):
            await Pause()
            return holds()

    one, other = work(), work()
    for step in (one, other):
        step.send(None)
        assert not holds()
    for step in (one, other):
        with pytest.raises(StopIteration) as ended:
            step.send(None)
        assert ended.value.value is True
    assert not holds()


@pytest.mark.parametrize("way", WAYS)
def test_two_tasks(mode, way):
    enter, holds = mode

    async def work():
        with way(enter):
            for _ in range(3):
                await asyncio.sleep(0)
                assert holds()
            inherited = await asyncio.gather(onlook(), onlook())
        await asyncio.sleep(0)
        return inherited, holds()

    async def onlook():
        found = []
        for _ in range(3):
            await asyncio.sleep(0)
            found.append(holds())
        return found

    async def main():
        return await asyncio.gather(work(), onlook(), onlook())

    outside = [False] * 3
    inside = [True] * 3
    worked = ([inside, inside], False)
    assert asyncio.run(main()) == [worked, outside, outside]


def test_an_asynchronous_generator_and_an_asynchronous_block(mode):
    enter, holds = mode

    async def work():
        with enter():
            yield holds()
            await asyncio.sleep(0)
            yield holds()

    @contextlib.asynccontextmanager
    async def block():
        with enter():
            yield

    class Block:
        async def __aenter__(self):
            self.mode = enter()
            self.mode.__enter__()

        async def __aexit__(self, *error):
            self.mode.__exit__(*error)

    async def onlook():
        return holds()

    async def main():
        async for inside in work():
            assert inside
            assert not holds()
            assert await asyncio.gather(onlook(), onlook()) == [False, False]
        for each in (block(), Block()):
            async with each:
                await asyncio.sleep(0)
                assert holds()
            assert not holds()
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(block())
            await asyncio.sleep(0)
            assert holds()
        assert not holds()

    asyncio.run(main())


def test_another_thread(mode):
    enter, holds = mode
    found = []
    with enter():
        thread = threading.Thread(target=lambda: found.append(holds()))
        thread.start()
        thread.join()
        inherited = asyncio.run(asyncio.to_thread(holds))
    assert found == [False]
    assert inherited


@pytest.mark.parametrize("above", [lambda mode: mode, lambda mode: mode()])
def test_functions_of_every_kind_are_inside_while_they_run(mode, above):
    """Below `@no_grad` as below `@no_grad()`."""
    enter, holds = above(mode[0]), mode[1]

    @enter
    def plain():
        return holds()

    @enter
    def steps():
        got = yield holds()
        yield got
        return "end"

    @enter
    async def later():
        await asyncio.sleep(0)
        return holds()

    @enter
    async def steps_later():
        yield holds()
        await asyncio.sleep(0)
        yield holds()

    async def main():
        return [await later(), *[x async for x in steps_later()], holds()]

    made = steps()
    assert plain()
    assert next(made)
    assert not holds()
    assert made.send("sent") == "sent"
    assert asyncio.run(main()) == [True, True, True, False]
    assert steps.__name__ == "steps"
    with pytest.raises(TypeError, match="the function below it; got 3"):
        mode[0](3)


def test_blocks_that_end_in_another_order():
    """As those of two generators may: each takes back its own, and nothing else."""

    def inside(setting):
        with Setting("silent", setting, True):
            yield no_grad_is_on()
            yield no_grad_is_on()

    with no_grad():
        one, other = inside(False), inside(True)
        assert [next(one), next(other), no_grad_is_on()] == [False, True, True]
        one.close()
        assert next(other) is True
        assert no_grad_is_on()
    assert not no_grad_is_on()
    other.close()
    assert not no_grad_is_on()


def test_one_object_is_one_block():
    block = no_grad()
    with block, pytest.raises(RuntimeError, match="write no_grad"), block:
        pass
    assert not no_grad_is_on()
    with block:
        assert no_grad_is_on()
    assert not no_grad_is_on()


def test_what_was_never_made_ends_quietly():
    with pytest.raises(TypeError):
        Setting("silent")
    gc.collect()


def test_the_gradient_of_another_task_is_right():
    async def measure():
        with no_grad():
            await asyncio.sleep(0)
            y = Value(2.0) * 3
            await asyncio.sleep(0)
        return y.parents

    async def train():
        x = Value(2.0)
        await asyncio.sleep(0)
        y = x * 3
        await asyncio.sleep(0)
        (y * x).backward()
        return x.grad, grad(lambda x: x**3)(2.0)

    async def main():
        return await asyncio.gather(measure(), train())

    assert asyncio.run(main()) == [(), (12.0, 12.0)]
