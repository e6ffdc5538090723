"""The page of a run while it goes.

Modules: ``refresher`` (when it is written, in the run's process), ``running_report`` (writes it, in a process
of its own).
"""
