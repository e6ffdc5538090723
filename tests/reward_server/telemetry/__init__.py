"""Tests of ``reward_server.telemetry``."""
