"""Parts of a run's page.

Modules: ``answer`` (what it says first), ``cost``, ``evidence`` (answers beside the truth, and frames),
``setting`` (what was run, and the files). Not for the page as a whole (``run_report.py``).
"""
