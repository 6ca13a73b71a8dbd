"""Networks and training, on top of autograd."""

from nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    huber,
    mae,
    mse,
)
from nn.module import MLP, Layer, Module, Neuron, Sequential

__all__ = [
    "MLP",
    "Layer",
    "Module",
    "Neuron",
    "Sequential",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge",
    "huber",
    "mae",
    "mse",
]
