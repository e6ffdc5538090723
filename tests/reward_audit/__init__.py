"""Tests of ``reward_audit``."""
