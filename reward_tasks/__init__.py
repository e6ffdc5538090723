"""Environments whose truth is known: what is true in a frame, and what a perfect reward would be.

One file a task; ``task.py`` says what a task is, ``catalog.py`` finds one by name. Knows no learner and no
server.
"""
