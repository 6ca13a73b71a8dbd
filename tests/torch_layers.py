"""Layers beside torch's: the same weights, inputs, and what torch made of them.

    python tests/torch_layers.py    write torch_layers.json anew, with torch installed

`test_attention.py`, `test_recurrent.py` and `test_convolution.py` hold ours to it.
"""

import json
import math
from pathlib import Path

import pytest

import nn
from nn.calls import values_in

FIGURES = Path(__file__).with_suffix(".json")
STEPS, LR = 10, 0.01


def mask(torch, count):
    return torch.triu(torch.ones(count, count, dtype=torch.bool), 1)


def attention(heads, causal=True):
    def call(torch, layer, x):
        return layer(x, x, x, attn_mask=mask(torch, len(x)) if causal else None)[0]

    return (
        lambda: nn.SelfAttention(6, heads, causal=causal, seed=0),
        lambda torch: torch.nn.MultiheadAttention(6, heads),
        call,
    )


def block(activation):
    def theirs(torch):
        return torch.nn.TransformerEncoderLayer(
            6, 2, 24, dropout=0.0, activation=activation, norm_first=True
        )

    return (
        lambda: nn.Block(6, 2, activation=activation, seed=0),
        theirs,
        lambda torch, layer, x: layer(x, src_mask=mask(torch, len(x))),
    )


def plain(mine, theirs, call=lambda torch, layer, x: layer(x)):
    return mine, theirs, call


def recurrent(name):
    return plain(
        lambda: getattr(nn, name)(6, 4, seed=0),
        lambda torch: getattr(torch.nn, name)(6, 4),
        lambda torch, layer, x: layer(x)[0],
    )


def conv1d(**options):
    return plain(
        lambda: nn.Conv1d(5, 2, 3, seed=0, **options),
        lambda torch: torch.nn.Conv1d(5, 2, 3, **options),
        lambda torch, layer, x: layer(x[None])[0],
    )


def conv2d(*pools, **options):
    """Of two channels of 5 x 3."""

    def mine():
        pooling = [getattr(nn, pool)(2) for pool in pools]
        conv = nn.Conv2d(2, 3, 2, seed=0, **options)
        return nn.Sequential(nn.Reshape(2, 5, 3), conv, *pooling)

    def theirs(torch):
        pooling = [getattr(torch.nn, pool)(2) for pool in pools]
        conv = torch.nn.Conv2d(2, 3, 2, **options)
        return torch.nn.Sequential(torch.nn.Unflatten(0, (2, 5)), conv, *pooling)

    return mine, theirs, lambda torch, layer, x: layer(x.reshape(10, 3))


def embedding():
    return plain(
        lambda: nn.Embedding(4, 3, seed=0),
        lambda torch: torch.nn.Embedding(4, 3),
        lambda torch, layer, x: layer(torch.tensor(TOKENS)),
    )


CASES = {
    "embedding": embedding(),
    "rms norm": plain(
        lambda: nn.RMSNorm(6), lambda torch: torch.nn.RMSNorm(6, eps=1e-5)
    ),
    "layer norm": plain(lambda: nn.LayerNorm(6), lambda torch: torch.nn.LayerNorm(6)),
    "attention": attention(1),
    "attention, 3 heads": attention(3),
    "attention, not causal": attention(2, causal=False),
    "block": block("gelu"),
    "block, relu": block("relu"),
    "rnn": recurrent("RNN"),
    "gru": recurrent("GRU"),
    "lstm": recurrent("LSTM"),
    "conv1d": conv1d(),
    "conv1d, stride and padding": conv1d(stride=2, padding=1),
    "conv2d": conv2d(),
    "conv2d, stride and padding": conv2d(stride=2, padding=2),
    "conv2d, pooled": conv2d("MaxPool2d", padding=1),
    "conv2d, pooled by means": conv2d("AvgPool2d", padding=2),
}
"""Of each: ours, torch's, and how torch's is called."""

TOKENS = [2, 0, 3, 2, 2]
X = [[math.sin(1.7 * i + 0.9 * j) for j in range(6)] for i in range(5)]


def state(model):
    """Weights of no particular kind, the same for a network of ours and of torch's."""
    found, count = {}, 0

    def filled(numbers):
        nonlocal count
        if isinstance(numbers, list):
            return [filled(item) for item in numbers]
        count += 1
        return math.sin(2.3 * count) / 2

    for name in sorted(model.state_dict()):
        found[name] = filled(model.state_dict()[name])
    return found


def weigh(index):
    """What the outputs are multiplied with, so that each has its own adjoint."""
    return math.cos(1.3 * index)


def flat(x):
    return [z for item in x for z in flat(item)] if isinstance(x, list) else [x]


def record(torch, case):
    """Torch's outputs, gradients, and losses of ten steps of Adam."""
    mine, theirs, call = CASES[case]
    layer = theirs(torch)
    weights = {name: torch.tensor(part) for name, part in state(mine()).items()}
    layer.load_state_dict(weights)
    optimizer = torch.optim.Adam(layer.parameters(), lr=LR)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        outputs = call(torch, layer, torch.tensor(X)).flatten()
        loss = sum(weigh(i) * y for i, y in enumerate(outputs))
        loss.backward()
        if not step:
            outs = outputs.tolist()
            slopes = {k: p.grad.flatten().tolist() for k, p in layer.named_parameters()}
        losses.append(loss.item())
        optimizer.step()
    return {"outputs": outs, "gradients": slopes, "losses": losses}


def ours(case):
    """The same of our own layer."""
    model = CASES[case][0]()
    model.load_state_dict(state(model))
    optimizer = nn.Adam(model.parameters(), lr=LR)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        outputs = list(values_in(model(TOKENS if case == "embedding" else X)))
        loss = sum(weigh(i) * y for i, y in enumerate(outputs))
        loss.backward()
        if not step:
            outs = [y.data for y in outputs]
            slopes = {e.name: [v.grad for v in e.values] for e in model.entries()}
        losses.append(loss.data)
        optimizer.step()
    return {"outputs": outs, "gradients": slopes, "losses": losses}


def agrees(case):
    """Whether ours and torch's recorded figures are the same to 1e-12."""
    mine, theirs = ours(case), json.loads(FIGURES.read_text("utf-8"))[case]
    slopes, others = mine["gradients"], theirs["gradients"]
    pairs = [(mine["outputs"], theirs["outputs"]), (mine["losses"], theirs["losses"])]
    pairs += [(slopes[name], others[name]) for name in others]
    return slopes.keys() == others.keys() and all(
        one == pytest.approx(other, rel=1e-12, abs=1e-12) for one, other in pairs
    )


def main():
    import torch

    torch.set_default_dtype(torch.float64)
    found = {case: record(torch, case) for case in CASES}
    lines = [f"{json.dumps(case)}: {json.dumps(found[case])}" for case in CASES]
    FIGURES.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
