"""From a request to its answer: what is asked of the engine, and what was answered before.

Modules: ``scorer`` (frames), ``comparer`` (pairs), ``catalog`` (rubrics to questions), ``reward_id``,
``answer_cache``.
"""
