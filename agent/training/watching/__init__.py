"""Audits a run's rewards while it trains: measures, nulls and warnings for people.

Nothing here is read by training: it stops, picks and tunes nothing, and no frame that it asks about is
learned from.

Modules: ``window`` (measures over the latest frames), ``frame_rules`` and ``return_rules`` (what is a
warning), ``nulls`` (frames that show nothing, and the wrong question), ``watch`` (the run's own). Not for
what a finished run's labels show (``agent/reporting/findings.py``).
"""
