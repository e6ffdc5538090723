"""From the model's answer to a value and a reward. Pure functions.

Modules: ``readouts``, ``number_in_text``, ``side_in_text``, ``reward_maps``, ``score_item``, ``comparison``.
"""
