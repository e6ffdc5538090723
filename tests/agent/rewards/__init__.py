"""Tests of ``agent.rewards``."""
