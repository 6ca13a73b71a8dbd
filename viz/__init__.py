"""Pictures and explanations of graphs and networks."""

from viz.graph import draw
from viz.render import Graph

__all__ = ["Graph", "draw"]
