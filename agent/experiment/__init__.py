"""Many runs: which, done, reported.

Modules: ``plan`` (arms, seeds, environments), ``run_pool``, ``results``, ``verdict``, ``random_policy``,
``report``, ``plots``, ``seed_statistics``.
"""
