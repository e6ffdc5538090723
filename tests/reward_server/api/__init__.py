"""Tests of ``reward_server.api``."""
