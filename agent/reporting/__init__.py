"""What a run shows: afterwards, and while it goes.

Modules: ``findings`` (what its labels show, in numbers and sentences), ``warning_rules``, ``measures``,
``wording``; ``run_report`` (the page) of the parts in ``page/``, ``run_plots``, ``label_plots``,
``label_tables``, ``watch_tables``; ``refresh/`` (the page while a run goes); ``video``.
"""
