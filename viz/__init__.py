"""Pictures and explanations of graphs and networks."""

from viz.explain import Explanation, explain
from viz.graph import draw
from viz.network import network
from viz.render import Graph
from viz.stepper import Stepper, stepper
from viz.text import flow

__all__ = [
    "Explanation",
    "Graph",
    "Stepper",
    "draw",
    "explain",
    "flow",
    "network",
    "stepper",
]
