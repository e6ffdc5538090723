"""Tests of ``agent.training``."""
