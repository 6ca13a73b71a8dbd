"""The models of `workloads/models.py` in arrays, as each peer's users write them.

A module has a function for every kind of model, which takes the weights by name and the
table; by hand it returns the mean loss and the gradient, else the mean loss alone.
"""
