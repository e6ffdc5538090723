"""Tests of ``reward_server.scoring``."""
