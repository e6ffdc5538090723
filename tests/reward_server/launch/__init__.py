"""Tests of ``reward_server.launch``."""
