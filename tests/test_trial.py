"""What the build asks of a compiled engine: whatever is broken fails its trial."""

import pytest

import autograd
from autograd import trial
from autograd.ops import TABLE
from autograd.value import record


class Lenient:
    """Stands in for a Value that takes what it should refuse."""

    def __init__(self, data, label=""):
        self.data, self.grad, self.label = data, 0.0, label

    def __mul__(self, other):
        return Lenient(1.0)

    def __sub__(self, other):
        return Lenient(-1.0)


@pytest.fixture
def compiled(monkeypatch):
    """As if the engine were compiled."""
    monkeypatch.setattr(autograd, "__compiled__", True)


def test_an_engine_that_works_passes(compiled):
    trial.main()


def test_the_plain_sources_do_not(monkeypatch):
    monkeypatch.setattr(autograd, "__compiled__", False)
    with pytest.raises(ImportError, match="imports the sources, not what was compiled"):
        trial.main()


@pytest.mark.parametrize(
    "name", ["differentiates", "computes", "refuses", "frees_deep_graphs"]
)
def test_every_question_is_asked(name, compiled, monkeypatch):
    monkeypatch.setattr(trial, name, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trial.main()


def test_docstrings_are_missed(compiled, monkeypatch):
    monkeypatch.setattr(trial, "frees_deep_graphs", lambda: None)
    real = trial.Value

    class Bare:
        def __new__(cls, data, label=""):
            return real(data, label)

    monkeypatch.setattr(trial, "Value", Bare)
    with pytest.raises(ImportError, match="docstrings are missing"):
        trial.main()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("tanh", lambda x: x.detach() * 1.0),  # a value without its gradient
        ("dot", lambda x, y: autograd.sum([x[0] * y[0], 2.0 * y[1], 1.0])),
    ],
)
def test_a_wrong_number_is_noticed(name, wrong, monkeypatch):
    monkeypatch.setattr(autograd, name, wrong)
    with pytest.raises(ArithmeticError, match="not 15, 14 and 14"):
        trial.differentiates()


def test_a_wrong_slope_as_a_graph_is_noticed(monkeypatch):
    def wrong(output, inputs, create_graph=False):
        return [autograd.Value(14.5 if create_graph else 14.0)]

    monkeypatch.setattr(trial, "gradients", wrong)
    with pytest.raises(ArithmeticError, match=r"14\.5, not 15"):
        trial.differentiates()


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.samples])
def test_an_operation_that_computes_otherwise_is_noticed(name, monkeypatch):
    def otherwise(row, nodes):
        made = record(row, nodes)
        return made + 1e-6 * (abs(made.data) + 1.0) if row.name == name else made

    monkeypatch.setattr(trial, "record", otherwise)
    with pytest.raises(ArithmeticError, match=rf"^{name}\(.*\) is .*, not "):
        trial.computes()


def test_each_refusal_is_asked_for(monkeypatch):
    """As many kinds of error are wanted, in this order, by what is asked."""
    asked = []

    def noted(kind, call):
        with pytest.raises(kind) as caught:
            call()
        asked.append((kind, type(caught.value)))

    monkeypatch.setattr(trial, "_raises", noted)
    trial.refuses()
    wanted = [AttributeError] * 4 + [TypeError] * 2 + [ValueError]
    assert asked == [(kind, kind) for kind in wanted]


def test_what_refuses_nothing_is_noticed(monkeypatch):
    monkeypatch.setattr(trial, "Value", Lenient)
    with pytest.raises(AssertionError, match="no AttributeError where there has to be"):
        trial.refuses()
    with pytest.raises(TypeError, match="of another kind"):
        trial._raises(ValueError, lambda: _raise(TypeError("of another kind")))


def _raise(error):
    raise error


def test_a_sum_that_is_off_by_one_is_noticed(monkeypatch):
    real = trial.Value

    class Off:
        def __new__(cls, data):
            x = real(data)
            x.grad = 1.0  # as if one pass more had come by
            return x

    monkeypatch.setattr(trial, "Value", Off)
    with pytest.raises(ArithmeticError, match=r"200002\.0, not 200001"):
        trial.frees_deep_graphs()
