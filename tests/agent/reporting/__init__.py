"""Tests of ``agent.reporting``."""
