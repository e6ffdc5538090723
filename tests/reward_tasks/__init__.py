"""Tests of ``reward_tasks``."""
