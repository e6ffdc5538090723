"""Tests of ``tiny_llava``."""
