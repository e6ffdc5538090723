"""From a request to its answer: what is asked of the engine, and what was answered before.

Modules: ``scorer`` (frames), ``comparer`` (pairs), ``batch`` (what both share), ``catalog`` (rubrics to
questions), ``plan``, ``filling`` and ``score_image`` (what is asked about each image), ``reward_id``,
``answer_cache``.
"""
