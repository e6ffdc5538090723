"""What stands for an image in a prompt's tokens: learned from one rendered prompt, put into others.

A prompt of a chat format holds one token for an image; the engine wants as many as the encoded image fills.
Pure functions. Not for pixels (``pixel_table.py``) or for the format's words (``chat_format.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def surroundings(token_ids: Sequence[int], image_token: int | None) -> tuple[int, ...]:
    """What decides how images are put into a prompt: the tokens next to each of them.

    Some models' renderers join the tokens that they put in with their neighbours, such as two line ends to
    one token. So what was learned of one prompt holds for those with the same neighbours.

    Args:
        token_ids: of the prompt.
        image_token: stands for an image; None where it is not known.

    Returns:
        The tokens before and after each image, -1 at an end of the prompt; where there is no image's token,
        all tokens, which then stand for this prompt alone.
    """
    places = [place for place, token in enumerate(token_ids) if token == image_token]
    around = [-1, *token_ids, -1]
    return tuple(token for place in places for token in (around[place], around[place + 2])) or tuple(
        token_ids
    )


@dataclass(frozen=True)
class ImageTokens:
    """The tokens that stand for an image.

    Attributes:
        token: stands for an image in a prompt of a chat format.
        expansion: the tokens that the engine wants in its place.
    """

    token: int
    expansion: tuple[int, ...]

    @classmethod
    def learned(
        cls, asked: Sequence[int], rendered: Sequence[int], places: Sequence[tuple[int, int]]
    ) -> ImageTokens | None:
        """Learns from one rendered prompt.

        Args:
            asked: tokens before it was rendered.
            rendered: and after.
            places: of the images in the latter, each an offset and a length; at least one.

        Returns:
            None where more was changed than one token for each image.
        """
        offset, length = places[0]
        if offset >= len(asked):
            return None
        found = cls(asked[offset], tuple(rendered[offset : offset + length]))
        expanded, offsets = found.expanded(asked)
        same = expanded == list(rendered) and [(place, length) for place in offsets] == list(places)
        return found if same else None

    def expanded(self, token_ids: Sequence[int]) -> tuple[list[int], list[int]]:
        """Puts the expansion in place of each image's token.

        Returns:
            The tokens, and the offset of each image in them.
        """
        expanded, offsets = list[int](), list[int]()
        for token in token_ids:
            if token == self.token:
                offsets.append(len(expanded))
                expanded += self.expansion
            else:
                expanded.append(token)
        return expanded, offsets
