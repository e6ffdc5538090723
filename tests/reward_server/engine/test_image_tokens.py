"""What stands for an image is learned from one rendered prompt, or not at all where more was changed."""

from __future__ import annotations

import pytest

from reward_server.engine.image_tokens import ImageTokens, surroundings

IMAGE = 9


def test_what_was_learned_of_one_prompt_renders_another() -> None:
    tokens = ImageTokens.learned([1, IMAGE, 2], [1, 7, 7, 8, 2], [(1, 3)])
    assert tokens == ImageTokens(IMAGE, (7, 7, 8))
    assert tokens.expanded([IMAGE, 3, IMAGE]) == ([7, 7, 8, 3, 7, 7, 8], [0, 4])


def test_two_images_are_learned_from_their_first() -> None:
    asked, rendered = [IMAGE, 2, IMAGE, 3], [IMAGE, IMAGE, 2, IMAGE, IMAGE, 3]
    assert ImageTokens.learned(asked, rendered, [(0, 2), (3, 2)]) == ImageTokens(IMAGE, (IMAGE, IMAGE))


@pytest.mark.parametrize(
    ("asked", "rendered", "places"),
    [
        ([1, IMAGE, 2], [1, 7, 7, 3], [(1, 2)]),  # a neighbour was joined
        ([1, 2], [7, 7, 1, 2], [(0, 2)]),  # put in where no token stood
        ([1, 2], [1, 2, 7, 7], [(2, 2)]),  # likewise, at the end
        ([IMAGE, IMAGE], [7, 7, 7, 7], [(0, 2)]),  # one image, two tokens
        ([IMAGE, IMAGE], [7, 7, 8, 8], [(0, 2), (2, 2)]),  # each image its own
    ],
)
def test_what_is_no_replacement_of_a_token_is_left_to_vllm(
    asked: list[int], rendered: list[int], places: list[tuple[int, int]]
) -> None:
    assert ImageTokens.learned(asked, rendered, places) is None


def test_only_prompts_with_the_same_neighbours_are_alike() -> None:
    assert surroundings([1, IMAGE, 2, 3], IMAGE) == surroundings([5, 1, IMAGE, 2], IMAGE) == (1, 2)
    assert surroundings([1, IMAGE, 3], IMAGE) != surroundings([1, IMAGE, 2], IMAGE)
    assert surroundings([IMAGE], IMAGE) == (-1, -1)
    assert surroundings([1, 2], IMAGE) == surroundings([1, 2], None) == (1, 2)
