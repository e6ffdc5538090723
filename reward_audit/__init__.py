"""Tells whether a reward can be trusted before an agent learns from it.

``measures`` has the numbers, ``verdict`` says what they mean by the limits in ``thresholds``, and
``simulated`` has readers whose verdict is known. Not for training, and nothing here is ever shown to a
learner.
"""
