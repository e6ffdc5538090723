"""From the model's answer to a value and a reward. Pure functions.

Modules: ``readouts``, ``number_in_text`` (and what it is made of: ``asides_in_text``, ``quantities_in_text``,
``unclear_numbers``, ``units``, ``side_in_text``), ``reward_maps``, ``score_item``, ``comparison``.
"""
