"""Networks and training, on top of autograd."""

from autograd import alone as alone
from autograd.family import missing as _missing
from autograd.source import announce
from nn import data, recipe, schedules, table
from nn.checkpoint import export_safetensors, load, save
from nn.engine import predict
from nn.history import History
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
from nn.optim import SGD, Adam, AdamW, Optimizer, RMSProp
from nn.training import DivergenceError, fit
from nn.watch import Snapshots, Watch

announce(__file__)

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "DivergenceError",
    "History",
    "Layer",
    "Module",
    "Neuron",
    "Optimizer",
    "RMSProp",
    "Sequential",
    "Snapshots",
    "Watch",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "data",
    "export_safetensors",
    "fit",
    "hinge",
    "huber",
    "load",
    "mae",
    "mse",
    "predict",
    "recipe",
    "save",
    "schedules",
    "table",
]


def __getattr__(name: str) -> object:
    raise _missing("module 'nn'", name, None, tuple(__all__))
