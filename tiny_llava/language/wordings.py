"""How the checkpoint is asked: the wordings of each topic's questions.

Each topic has a compositional set of training wordings, and a few held-out wordings that only the accuracy
report uses. Not for answers (``questions.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reward_server.reading.comparison import COMPOSED_PROMPT
from tiny_llava.language.questions import Topic

_POLE = ("pole", "pole", "pole", "stick", "rod", "pendulum", "beam")
_IN_PICTURE = ("", "", "", "in this picture ", "in this image ", "in the frame ")
_ON_CART = (*_IN_PICTURE, "on the cart ")
_PENDULUM = ("pendulum", "pendulum", "rod", "bar")
_CAR = ("car", "car", "car", "vehicle", "cart")


@dataclass(frozen=True)
class Wording:
    """A topic's wordings: ``{thing}`` and ``{where}`` of a stem are filled from the things and the places."""

    stems: tuple[str, ...]
    tails: tuple[str, ...]
    things: tuple[str, ...] = _POLE
    places: tuple[str, ...] = _ON_CART


_ANGLE_STEMS = (
    "What is the tilt of the {thing} {where}in degrees?",
    "What is the tilt angle of the {thing} {where}in degrees?",
    "What is the angle of the {thing} {where}from vertical in degrees?",
    "By how many degrees is the {thing} {where}tilted?",
    "How many degrees is the {thing} {where}tilted from vertical?",
    "At what angle does the {thing} {where}lean, in degrees?",
    "How far is the {thing} {where}from upright, in degrees?",
    "Give the tilt of the {thing} {where}in degrees.",
    "Estimate the angle between the {thing} {where}and the vertical in degrees.",
    "Measure the inclination of the {thing} {where}in degrees.",
    "Tell me the signed angle of the {thing} {where}in degrees.",
)
_ANGLE_TAILS = (
    "",
    "Left is negative.",
    "Negative means left.",
    "Negative is left, positive is right.",
    "Left is negative, right is positive.",
    "Use a negative number for left and a positive number for right.",
    "Answer with a number.",
    "Answer with a number only.",
    "Answer with a single signed number.",
    "Left is negative. Answer with a number.",
    "Negative is left, positive is right. Answer with a number only.",
    "Answer the question using a single word or phrase.",
)

WORDINGS: dict[Topic, Wording] = {
    "angle": Wording(stems=_ANGLE_STEMS, tails=_ANGLE_TAILS),
    "upright": Wording(
        stems=(
            "Is the {thing} {where}upright?",
            "Is the {thing} {where}standing upright?",
            "Is the {thing} {where}vertical?",
            "Is the {thing} {where}balanced upright?",
            "Is the {thing} {where}balanced?",
            "Does the {thing} {where}stand upright?",
            "Does the {thing} {where}look upright?",
            "Would you say that the {thing} {where}is upright?",
            "Is this {thing} {where}nearly vertical?",
            "Tell me whether the {thing} {where}is upright.",
        ),
        tails=(
            "",
            "Answer yes or no.",
            "Yes or no?",
            "Answer with yes or no only.",
            "Please answer yes or no.",
            "Reply with Yes or No.",
            "Answer the question using a single word or phrase.",
        ),
    ),
    "lean": Wording(
        stems=(
            "Which way does the {thing} {where}lean?",
            "Which way is the {thing} {where}leaning?",
            "In which direction does the {thing} {where}lean?",
            "In which direction is the {thing} {where}tilted?",
            "To which side does the {thing} {where}lean?",
            "To which side is the {thing} {where}falling?",
            "Does the {thing} {where}lean left or right?",
            "Is the {thing} {where}leaning to the left, to the right or upright?",
            "Tell me the direction in which the {thing} {where}leans.",
        ),
        tails=(
            "",
            "Answer left, right or upright.",
            "Left, right or upright?",
            "Answer with one word: left, right or upright.",
            "Choose left, right or upright.",
            "Reply with Left, Right or Upright.",
            "Answer the question using a single word or phrase.",
        ),
    ),
    "rating": Wording(
        stems=(
            "How upright is the {thing} {where}on a scale from 0 to 9?",
            "Rate from 0 to 9 how upright the {thing} {where}is.",
            "Rate how upright the {thing} {where}is, from 0 to 9.",
            "On a scale from 0 to 9, how upright is the {thing}?",
            "Score the {thing} {where}from 0 to 9 for how upright it is.",
            "Give a score from 0 to 9 for how well the {thing} {where}is balanced.",
            "How well is the {thing} {where}balanced, from 0 to 9?",
            "Grade the balance of the {thing} {where}from 0 to 9.",
        ),
        tails=(
            "",
            "9 is upright.",
            "0 is lying down, 9 is upright.",
            "9 means perfectly upright and 0 means horizontal.",
            "Answer with a number.",
            "Answer with a single digit.",
            "9 is upright. Answer with a single digit.",
            "Answer the question using a single word or phrase.",
        ),
    ),
    "compare": Wording(
        stems=(
            *(
                COMPOSED_PROMPT.format(goal=goal)
                for goal in (
                    "the {thing} is upright",
                    "the {thing} {where}stands upright",
                    "the {thing} is vertical",
                    "the {thing} {where}is balanced",
                    "keep the {thing} upright",
                )
            ),
            "Which image shows the more upright {thing}, the left one or the right one?",
            "In which image is the {thing} more upright, left or right?",
            "Which {thing} is closer to vertical, the left one or the right one?",
            "Is the {thing} more upright on the left or on the right?",
            "Two images are side by side. Which {thing} is more upright?",
        ),
        tails=(
            "",
            "",
            "Left or right?",
            "Answer the question using a single word or phrase.",
        ),
    ),
    "car_position": Wording(
        stems=(
            "Where is the {thing} {where}on the track?",
            "Where on the track is the {thing}?",
            "Where {where}is the {thing}, from -1.2 to 0.6?",
            "What is the position of the {thing} {where}on the track?",
            "What is the horizontal position of the {thing}?",
            "At which position does the {thing} {where}stand?",
            "Give the position of the {thing} {where}on the track.",
            "Estimate the position of the {thing} {where}from -1.2 to 0.6.",
            "How far along the track is the {thing}?",
            "Tell me the position of the {thing} {where}on the track.",
        ),
        tails=(
            "",
            "-1.2 is the left end, 0.6 the right end.",
            "The left end is -1.2, the right end is 0.6.",
            "The left end is -1.2, the right end is 0.6. Answer with a number.",
            "-1.2 is far left, 0.6 is far right. Answer with a number only.",
            "Answer with a number.",
            "Answer with a number only.",
            "Answer the question using a single word or phrase.",
        ),
        things=_CAR,
        places=_IN_PICTURE,
    ),
    "car_height": Wording(
        stems=(
            "How high does the {thing} {where}stand?",
            "How high is the {thing} {where}on the hill?",
            "How high is the {thing}?",
            "How high does the {thing} {where}stand on a scale from 0 to 9?",
            "How high is the {thing} {where}on a scale from 0 to 9?",
            "On a scale from 0 to 9, how high does the {thing} {where}stand?",
            "Rate from 0 to 9 how high the {thing} {where}stands.",
            "What is the height of the {thing}, from 0 to 9?",
            "How far up the hill is the {thing}?",
            "Tell me how high the {thing} {where}stands, from 0 to 9.",
        ),
        tails=(
            "",
            "0 is the valley, 9 is the top.",
            "0 is the valley, 9 is the hilltop.",
            "0 is the bottom of the valley and 9 the top of a hill.",
            "0 is the valley, 9 is the hilltop. Answer with a single digit.",
            "Answer with a number.",
            "Answer with a single digit.",
            "Answer the question using a single word or phrase.",
        ),
        things=_CAR,
        places=_IN_PICTURE,
    ),
    "pendulum": Wording(
        stems=(
            *_ANGLE_STEMS,
            "What is the angle of the {thing} {where}from upright in degrees?",
            "By how many degrees is the {thing} {where}away from upright?",
            "How many degrees does the {thing} {where}hang from upright?",
        ),
        tails=(
            *_ANGLE_TAILS,
            "0 is upright, 180 is hanging.",
            "0 is upright, 180 hangs straight down, left is negative. Answer with a number.",
        ),
        things=_PENDULUM,
        places=_IN_PICTURE,
    ),
}

HELD_OUT_GOALS = ("the pole stays up", "the stick is closest to vertical", "the pole looks balanced")
"""Goals that training never shows in a comparison."""

HELD_OUT: dict[Topic, tuple[str, ...]] = {
    "angle": (
        "How many degrees does the pole lean? Left is negative.",
        "What angle in degrees is the stick tilted at? Answer with a number.",
        "Tell me by how many degrees the pole is tilted, negative for left.",
    ),
    "upright": (
        "Do you see an upright pole? Answer yes or no.",
        "Is the pole on the cart standing vertical, yes or no?",
        "Tell me if the stick stands upright.",
    ),
    "lean": (
        "Where is the pole leaning? Left, right or upright?",
        "What direction does the pole lean in? Answer left, right or upright.",
        "Tell me to which side the stick is tilted.",
    ),
    "rating": (
        "Please rate the pole: how upright is it, from 0 to 9?",
        "What score from 0 to 9 would you give the pole for being upright?",
        "From 0 to 9, how well does the stick stand upright?",
    ),
    "compare": tuple(COMPOSED_PROMPT.format(goal=goal) for goal in HELD_OUT_GOALS),
    "car_position": (
        "At what place on the track do you see the car? Answer with a number.",
        "Say where the car is: -1.2 is far left, 0.6 is far right.",
    ),
    "car_height": (
        "From 0 to 9, how high up the hill is the car?",
        "Please rate the height of the car from 0 to 9.",
    ),
    "pendulum": (
        "How many degrees does the pendulum lean? Left is negative.",
        "What angle in degrees is the rod at? 0 is upright.",
    ),
}
"""Wordings that training never shows, since no stem makes one; the report asks them too."""

STYLES: tuple[Callable[[str], str], ...] = (str.lower, lambda text: text.rstrip("?."), str)
"""How a wording may be written: in lower case, without its end mark, or as it is."""


def draw_wording(topic: Topic, rng: np.random.Generator) -> str:
    """Draws one training wording of a question, sometimes all in lower case or without its end mark."""
    wording = WORDINGS[topic]
    stem = wording.stems[rng.integers(len(wording.stems))]
    tail = wording.tails[rng.integers(len(wording.tails))]
    thing = wording.things[rng.integers(len(wording.things))]
    where = wording.places[rng.integers(len(wording.places))]
    drawn = rng.random()
    return worded(stem, tail, thing, where, STYLES[0 if drawn < 0.1 else 1 if drawn < 0.2 else 2])


def worded(stem: str, tail: str, thing: str, where: str, style: Callable[[str], str]) -> str:
    """One wording from its parts."""
    return style(f"{stem.format(thing=thing, where=where)} {tail}".strip())
