"""Recorded graphs as programs over a batch."""
