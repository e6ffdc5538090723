"""Tests of ``reward_server.reading``."""
