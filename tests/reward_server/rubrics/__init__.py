"""Tests of ``reward_server.rubrics``."""
