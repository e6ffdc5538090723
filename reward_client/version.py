"""The version of the distribution ``vlm-reward``. The only place that states it."""

__version__ = "0.2.0.dev0"
