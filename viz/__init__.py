"""Pictures and explanations of graphs and networks."""
