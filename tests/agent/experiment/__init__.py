"""Tests of ``agent.experiment``."""
