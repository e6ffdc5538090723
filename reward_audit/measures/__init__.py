"""Measures of a reward: pure functions of arrays, by what they look at.

``ranking``: does its order follow the truth? ``values``: are its readings right? ``answers``: does it say the
same to everything? ``success``: does it know a success? ``distances``: EPIC and STARC. ``resolution``: what
can it tell apart?

All of them keep to four rules. What was not scored is NaN in a float array, and is left out together with
what it is paired with. A measure that is undefined (too few samples, a constant) is None, never NaN and never
0. Arrays of unequal length, and infinities, raise ValueError. Nothing is drawn at random without a generator
from the caller.

Not for limits and conclusions: those are in ``reward_audit.judging``.
"""
