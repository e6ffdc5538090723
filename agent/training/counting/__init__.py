"""Counts what became of steps and frames, and says when too many failed. Nothing here is learned from."""
