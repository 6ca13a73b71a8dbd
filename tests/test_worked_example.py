"""The worked example of the documentation: all its numbers, to the last digits."""

from __future__ import annotations

import pytest

from autograd import Value, compile, dot, gradients, maximum, tanh, where
from nn import MLP, binary_cross_entropy, mse

LEARNING_RATE = 0.1


def network():
    model = MLP(2, [2, 1], activation="sigmoid", output_activation="sigmoid")
    model.load_state_dict(
        {
            "layers.0.weight": [[0.1, 0.2], [0.3, 0.4]],
            "layers.0.bias": [0.01, 0.02],
            "layers.1.weight": [[0.5, 0.6]],
            "layers.1.bias": [0.05],
        }
    )
    return model


def run(model):
    """What every neuron computed, through the layers one by one, and the loss."""
    hidden = model.layers[0]([1.0, 2.0])
    prediction = model.layers[1](hidden)
    z1 = [a.parents[0] for a in hidden]
    (z2,) = prediction.parents
    return z1, hidden, z2, prediction, binary_cross_entropy(prediction, 1)


def close(got, expected):
    assert got == pytest.approx(expected, rel=1e-15, abs=0)


def data(values):
    return [value.data for value in values]


def test_the_first_pass():
    z1, a1, z2, prediction, loss = run(network())
    close(data(z1), [0.51, 1.12])
    close(data(a1), [0.6248064744684293, 0.7539887164489482])
    close(z2.data, 0.8147964671035836)
    close(prediction.data, 0.6931306594690766)
    close(loss.data, 0.36653675576158634)


def test_the_sum_that_the_study_notes_got_wrong():
    _, a1, z2, _, _ = run(network())
    close(0.5 * a1[0].data + 0.6 * a1[1].data + 0.05, z2.data)
    assert round(z2.data, 3) == 0.815
    assert round(z2.data, 3) != 0.854


def test_the_deltas():
    z1, _, z2, _, loss = run(network())
    close(gradients(loss, [z2]), [-0.3068693405309234])
    close(gradients(loss, z1), [-0.035968668478543284, -0.0341526670251058])


def test_the_gradients():
    model = network()
    run(model)[-1].backward()
    first, second = model.layers
    close(
        [w.grad for w in first.neurons[0].w],
        [-0.03596866847854328, -0.07193733695708657],
    )
    close(
        [w.grad for w in first.neurons[1].w],
        [-0.0341526670251058, -0.0683053340502116],
    )
    close(
        [w.grad for w in second.neurons[0].w],
        [-0.19173395077957814, -0.2313760201844461],
    )
    close(second.neurons[0].b.grad, -0.3068693405309234)


def stepped():
    model = network()
    run(model)[-1].backward()
    for parameter in model.parameters():
        parameter.data -= LEARNING_RATE * parameter.grad
    return model


def test_after_one_step():
    first, second = stepped().layers
    close(data(first.neurons[0].w), [0.10359686684785434, 0.20719373369570868])
    close(data(first.neurons[1].w), [0.30341526670251057, 0.4068305334050212])
    close(first.neurons[0].b.data, 0.01359686684785433)
    close(first.neurons[1].b.data, 0.02341526670251058)
    close(data(second.neurons[0].w), [0.5191733950779578, 0.6231376020184446])
    close(second.neurons[0].b.data, 0.08068693405309235)


def test_the_second_pass():
    _, a1, z2, prediction, loss = run(stepped())
    close(data(a1), [0.6298518264503722, 0.7577698859610178])
    close(z2.data, 0.8798841548069236)
    close(prediction.data, 0.706798214548223)
    close(loss.data, 0.34701006464586587)


# ---- the equations of the study notes, found in the scalar graph ---------------------


def compiled(loss):
    x, y = [Value(1.0, "x1"), Value(2.0, "x2")], Value(1.0, "y")
    model = network()
    return compile(loss(model(x), y), [*x, y], model.parameters())


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_the_equations_of_the_notes_are_printed_as_agreed(form, golden):
    program = compiled(binary_cross_entropy)
    golden(f"program.{form}", program.formulas(form))


def of_every_kind():
    """Programs whose formulas have what those of the notes have not."""
    w = [Value(0.1 * i, f"w[{i + 1}]") for i in range(8)]
    return {
        "conditions": compile(
            lambda x, y: where(x <= y, x, where(x != 1.0, y, 2.0)), inputs=2
        ),
        "a square": compile(lambda x: tanh(x) * tanh(x), inputs=1),
        "a length": compile(lambda *x: dot(x, x), inputs=4),
        "some of a row": compile(lambda *x: dot(w[2:6], x), 4, w),
        "one of a row": compile(lambda x: w[3] * x, 1, w),
        "many arguments": compile(lambda *x: maximum(*x), inputs=4),
        "several outputs": compile(lambda x, y: [x * y, x + y], inputs=2),
        "each with each": compile(lambda *x: dot([tanh(a) for a in w], x), 8, w),
    }


@pytest.mark.parametrize("form", ["text", "latex"])
def test_formulas_of_every_kind_are_printed_as_agreed(form, golden):
    told = {name: program.formulas(form) for name, program in of_every_kind().items()}
    lines = [f"== {name}\n{formulas}" for name, formulas in told.items()]
    golden(f"formulas.{form}", "\n".join(lines))


def test_a_program_is_printed_as_its_formulas():
    program = compiled(mse)
    assert str(program) == program.formulas()
    assert program.explain().startswith(str(program))
    with pytest.raises(ValueError, match="choose text, markdown, latex"):
        program.formulas("html")


def test_an_array_is_asked_for_its_scalars_and_a_scalar_for_its_array():
    program = compiled(mse)
    rows = program.scalars("z1")
    assert len(rows) == 2
    for place, row in enumerate(rows, start=1):
        number = int(row.partition(" ")[0].removeprefix("%"))
        assert program.array_of(number) == f"z1[{place}]"
        assert f"  {row}" in program.instructions()
    assert program.scalars("W1") == [f"%{n} = parameter {n - 3}" for n in range(3, 7)]
    with pytest.raises(KeyError, match="there are x, y, W1"):
        program.scalars("W9")
    with pytest.raises(KeyError, match="%999"):
        program.array_of(999)
