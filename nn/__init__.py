"""Networks and training, on top of autograd."""

from autograd import alone as alone
from autograd.family import missing as _missing
from autograd.listing import list_own
from autograd.source import announce
from nn import data, recipe, schedules, table, tokens
from nn.attention import GPT, Block, Embedding, LayerNorm, RMSNorm, SelfAttention
from nn.checkpoint import export_safetensors, load, save
from nn.convolution import AvgPool2d, Conv1d, Conv2d, Flatten, MaxPool2d, Reshape
from nn.diagnose import Diagnosis, diagnose
from nn.dropout import Dropout
from nn.engine import predict
from nn.history import History
from nn.language import generate, learn_text, load_text
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
from nn.rates import find_lr
from nn.recurrent import GRU, LSTM, RNN, PerPosition
from nn.sequences import Sequences
from nn.training import DivergenceError, fit
from nn.watch import Snapshots, Watch

announce(__file__)

__all__ = [
    "GPT",
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "SGD",
    "Adam",
    "AdamW",
    "AvgPool2d",
    "Block",
    "Conv1d",
    "Conv2d",
    "Diagnosis",
    "DivergenceError",
    "Dropout",
    "Embedding",
    "Flatten",
    "History",
    "Layer",
    "LayerNorm",
    "MaxPool2d",
    "Module",
    "Neuron",
    "Optimizer",
    "PerPosition",
    "RMSNorm",
    "RMSProp",
    "Reshape",
    "SelfAttention",
    "Sequences",
    "Sequential",
    "Snapshots",
    "Watch",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "data",
    "diagnose",
    "export_safetensors",
    "find_lr",
    "fit",
    "generate",
    "hinge",
    "huber",
    "learn_text",
    "load",
    "load_text",
    "mae",
    "mse",
    "predict",
    "recipe",
    "save",
    "schedules",
    "table",
    "tokens",
]


def __getattr__(name: str) -> object:
    raise _missing("module 'nn'", name, None, tuple(__all__))


list_own(__name__)
