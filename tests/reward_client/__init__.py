"""Tests of ``reward_client``."""
