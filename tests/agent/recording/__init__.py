"""Tests of ``agent.recording``."""
