"""Tests of ``reward_server.engine``."""
