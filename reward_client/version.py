"""The version of the distribution ``vlm-reward``. The only place that states it."""

__version__ = "0.1.0"
