"""Self-contained pages: ``html``. Knows nothing of runs or rewards."""
