"""Tests of ``reward_cli``."""
