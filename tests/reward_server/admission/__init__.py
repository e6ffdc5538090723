"""Tests of ``reward_server.admission``."""
