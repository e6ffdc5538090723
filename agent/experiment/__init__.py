"""Many runs: which, done, reported.

Modules: ``plan`` (arms, seeds, environments), ``run_pool``, ``results``, ``report``, ``plots``,
``seed_statistics``.
"""
