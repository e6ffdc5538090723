"""Who may ask, how much, and when their turn comes.

Modules: ``keys``, ``quotas``, ``image_queue``, ``gate`` (all of it in order, with deadlines).
"""
