"""What a run shows afterwards.

Modules: ``findings`` (what its labels show, in numbers and sentences), ``warning_rules``, ``measures``,
``wording``; ``run_report`` (the page), ``run_plots``, ``label_plots``, ``label_tables``; ``video``.
"""
