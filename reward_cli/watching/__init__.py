"""``reward watch``: a run while it goes, or a finished one.

Modules: ``command`` (options, and the loop), ``run_state`` (what the files say so far), ``view`` (how it is
shown), ``marks`` (curves and bars of characters). Nothing here writes into a run's folder.
"""
