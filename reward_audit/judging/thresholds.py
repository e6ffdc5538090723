"""The limits that a verdict is drawn with, each with its reason. Not for the rules that use them.

They were set on simulated readers (``simulated.py``) before any real model was audited. None was
chosen by what an agent learned. Where a reason gives numbers, they are of 1,000 frames of CartPole: half a
grid of ±15 degrees, half visited by random, half-trained and trained policies; reward 1 - min(|tilt| / 12,
1).
"""

from __future__ import annotations

MIN_FRAMES = 100
"""Scored frames below which nothing is said.

With 100 independent samples the standard error of Kendall's τ is 0.07
(√(2(2N+5) / 9N(N-1))), so a blind reader stays below 0.2 in 99.8 of 100 audits."""

MIN_PART_FRAMES = 50
"""Scored frames below which the grid, or the visited states, are not judged by themselves: twice the variance
of ``MIN_FRAMES``, for what is a part of it."""

MAX_UNSCORED = 0.6
"""Share of null rewards above which nothing is said: what is left is then less than half, and is hardly what
the rubric was written for. 30 % missing at random did not harm an agent (30 % of labels, CartPole); what
nulls leave out matters more than how many they are, and has a limit of its own."""

CARE_UNSCORED = 0.05
"""Share of null rewards from which a reward is used with care: an agent gets no reward for one frame in
twenty."""

MAX_BAND_GAP = 0.25
"""Difference in the share of nulls between two quarters of the frames, ordered by what is true, from which
the scored frames do not stand for the others. Nulls on terminal frames alone, 8 % of all, made an agent learn
nothing from flat rewards; they are a third of the lowest quarter. Of nulls at random the difference is at
most 0.11 in 600 frames."""

CLEAR_GAP = 0.1
"""Difference of two oracle rewards, as a share of the oracle's range over all frames, from which a pair is
clearly apart (1.2 degrees of tilt). Finer differences depend on how alike the chosen states are, and say
little of the reader."""

TIE_TOLERANCE = 0.01
"""Difference of two rewards, as a share of what the rubric can give, up to which they are tied. A learner
cannot use so little next to an error of any size, and expectations over labels are never exactly equal."""

MIN_CLEAR_SHARE = 0.02
"""Share of pairs that must be clearly apart for a part to be judged: below it the states are all alike."""

ORDER_TRUSTWORTHY = 0.9
"""Order of clear pairs (Somers' D; 0.9 is 95 of 100 right) from which a ranking is trustworthy. An error of
0.5 degrees has 0.99, of 1 degree 0.86 to 0.96, of 2 degrees 0.5 to 0.85. An agent with 0.5 degrees of noise
learned as fast as with none."""

ORDER_USABLE = 0.45
"""Order of clear pairs, in every part, from which a ranking is usable with care: 72 of 100 right. An error of
2 degrees has at least 0.5, of 4 degrees 0.4 to 0.65, of 8 degrees 0 to 0.35; a bias of 5 degrees has at most
0.45 on the grid, and less in some other part. A reward with two well-placed levels has 0.6 on a grid."""

ORDER_UNGROUNDED = 0.15
"""Order of clear pairs, over all frames or on the grid, below which a reward says nothing of the frame: 57 of
100 right. It lies between chance, with a standard error of 0.04 on the grid of 1,000 frames, and an error of
8 degrees, which has 0.2 to 0.3."""

ORDER_UNGROUNDED_ON_ONE = 0.25
"""The same on the visited states alone, where the grid is right (``ORDER_USABLE``). Noise lowers both and so
is told from blindness by the grid; that allows a limit above what chance and a few right frames give (0.1 to
0.2)."""

ORDER_INVERTED = -0.2
"""Order of clear pairs below which a reward is inverted: 60 of 100 wrong. Chance gives -0.11 at worst, in the
300 visited states of an audit of 600 frames."""

GAMMA_SATURATED = 0.9
"""Share of right over wrong (Goodman and Kruskal's gamma) among the clear pairs that the reward does order,
from which whatever it says is right: 95 of 100."""

MIN_ORDERED = 0.05
"""Share of clear pairs that a reward must order to be called saturated: with less it says nothing that could
be right."""

TIED_COLLAPSED = 0.9
"""Share of clear pairs that a reward ties from which it has collapsed: as much as 95 of 100 frames with one
reward."""

MODE_COLLAPSED = 0.95
"""Share of the most frequent answer, or of the two most frequent readings, from which a model answers the
same to everything, unless the order is right all the same: probabilities may differ where the answer does
not."""

NULL_RATIO = 0.5
"""Part of the real frames' τ_b that a null may reach. From there the frame explains less than half of the
order. Published progress rewards scored 0.987 on a repeated still frame, and 0.950 on real videos."""

NULL_TAU = 0.2
"""Size of a null's τ_b that is more than chance: two standard errors at 50 frames (0.097 each). From there on
it is cause for care."""

P_VALUE = 0.01
"""p of τ_b above which a weak order (below ``ORDER_USABLE``) may be chance, so that nothing is said."""

RELIABILITY_CARE = 0.8
"""Share of the variance of rewards, scored twice, that is not noise, below which care is needed: Nunnally's
limit for basic research (Psychometric Theory, 1978)."""

SKILL_TRUSTWORTHY = 0.8
"""1 - mean absolute error / that of the best constant, from which values are trustworthy: a fifth of the
error that seeing nothing has. Readings with 0.5 degrees of noise have 0.92, with 1 degree 0.83, with 2
degrees 0.66."""

SKILL_USABLE = 0.5
"""The same from which values are usable with care: half the error of seeing nothing. 4 degrees of noise have
0.3."""

SKILL_GAIN = 0.15
"""What a straight line through the readings must add to the skill for the error to be called a bias. It adds
0.02 to noise of 2 degrees."""

AGREEMENT_UNGROUNDED = 0.1
"""Agreement beyond chance (linearly weighted kappa) below which readings say nothing of the frame. A blind
reader has at most 0.07 in 600 frames, one with 8 degrees of noise 0.33 to 0.4 over all and 0.12 on visited
states. Its negative is from where readings are inverted; the wrong side of everything has -0.3 to -0.5."""

AGREEMENT_RIGHT = 0.6
"""Agreement beyond chance on the grid from which readings that say nothing on the visited states are blind
there. Noise lowers both: 8 degrees have 0.4 to 0.5 on the grid. A reader that is blind where policies go has
0.7 to 0.85."""

MIN_SPREAD = 0.25
"""Spread of what is true in a part (error of the best constant), as a share of that over all frames, from
which the part can show whether readings follow it. Below it only the size of errors is judged there."""

PLATEAU_SHARE = 0.1
"""Share of frames with one and the same reading that makes it a plateau, if what is true there is spread
(``MIN_SPREAD``)."""

PLATEAUS_SATURATED = 0.3
"""Share of frames on plateaus from which values are saturated, if the others are read well
(``SKILL_USABLE``)."""

SAME_READING = 0.01
"""Difference of two readings, as a share of the range of what is true, up to which they count as the same."""
