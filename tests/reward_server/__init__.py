"""Tests of ``reward_server``."""
