"""Pictures and explanations of graphs and networks."""

import sys
from os.path import basename

try:
    from autograd import alone as alone
except ImportError as error:
    if not basename((sys.argv or [""])[0]).startswith("chainrule"):
        raise
    sys.exit(f"chainrule: {error}")  # the command shows no traceback, here as elsewhere

from autograd.family import missing as _missing
from autograd.listing import list_own
from autograd.source import announce
from viz.explain import Explanation, explain
from viz.graph import draw
from viz.network import network
from viz.plots import (
    animate_decision_boundary,
    plot_attention,
    plot_confusion,
    plot_decision_boundary,
    plot_embedding,
    plot_history,
    plot_layers,
    plot_token_losses,
)
from viz.render import Graph
from viz.stepper import Stepper, stepper
from viz.text import flow

announce(__file__)

__all__ = [
    "Explanation",
    "Graph",
    "Stepper",
    "animate_decision_boundary",
    "draw",
    "explain",
    "flow",
    "network",
    "plot_attention",
    "plot_confusion",
    "plot_decision_boundary",
    "plot_embedding",
    "plot_history",
    "plot_layers",
    "plot_token_losses",
    "stepper",
]


def __getattr__(name: str) -> object:
    raise _missing("module 'viz'", name, None, tuple(__all__))


list_own(__name__)
