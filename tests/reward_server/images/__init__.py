"""Tests of ``reward_server.images``."""
