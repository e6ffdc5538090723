"""Tests of ``reward_report``."""
