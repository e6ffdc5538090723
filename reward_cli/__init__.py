"""The command ``reward``: one door to everything that this package does.

Modules: ``__main__`` (which command is meant), ``catalog`` (the commands), ``delegation`` (to the commands of
other rooms), ``parsing``, ``extras``, ``running_server`` and ``run_choice`` (what commands share), ``asking``
(ask), ``watching`` (watch), ``labels``, ``doctor``. Not for what ``serve``, ``train``, ``experiment`` and
``audit`` do: their rooms have commands of their own, which are called.
"""
