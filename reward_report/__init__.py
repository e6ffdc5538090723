"""Pages that stand alone: ``html``. Knows nothing of runs, audits or rewards."""
