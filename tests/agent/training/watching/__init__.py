"""Tests of the audit during training."""
