"""The form of a text-to-image loop: ``(images, prompts) -> scores``.

    score = TextToImageReward(client, "my-rubric", on_null="raise")
    rewards = score(pipeline(prompts).images, prompts)

Images come as such loops have them (diffusers' output types ``pil``, ``np`` and ``pt``). PyTorch is not
imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reward_client.adapters.asking import Asked, TextRubric, reward_or
from reward_client.frames import Frame
from reward_client.labeling.null_rewards import check_null_policy
from reward_client.wording.given_rubric import GivenRubric

ROUNDING = 1e-3
"""How far beyond 0 and 1 a float may be; half precision rounds."""


class TextToImageReward:
    """Scores images for the prompts that they were made from.

    Args:
        client: where images are scored.
        rubric: what to ask. Where its prompt has ``{text}``, the image's own prompt is put there.
        on_null: the score of an image without a reward: a number; ``nan``; or ``raise`` an error.

    Raises:
        ValueError: ``on_null`` is something else, or what is to be asked is no rubric.
    """

    def __init__(
        self, client: Asked, rubric: GivenRubric, *, on_null: float | Literal["raise", "nan"]
    ) -> None:
        check_null_policy(on_null, ("raise", "nan"))
        self._asked = TextRubric(client, rubric)
        self._on_null = float("nan") if on_null == "nan" else on_null

    def __call__(self, images: Any, prompts: Sequence[str]) -> NDArray[np.float64]:
        """Scores images.

        Args:
            images: N Pillow images, image files or arrays; or a stack ``(N, H, W, 3)`` or ``(N, 3, H, W)``,
                an array or a tensor, uint8 or float in 0 to 1.
            prompts: N texts.

        Returns:
            ``(N,)`` float64.

        Raises:
            ValueError: images of another kind, or not as many as prompts.
            NullRewardError: an image has no reward, and ``on_null`` is ``raise``.
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server has other rewards now.
        """
        frames = [_frame(image) for image in images]
        if len(frames) != len(prompts):
            raise ValueError(f"there are {len(frames)} images and {len(prompts)} prompts")
        items = self._asked.items(frames, list(prompts))
        scores = [reward_or(self._on_null, item, f"image {place}") for place, item in enumerate(items)]
        return np.array(scores, np.float64)


def _frame(image: Any) -> Frame:
    """One image; the client refuses what is still none."""
    if hasattr(image, "detach"):  # a tensor
        image = image.detach().cpu()
        image = np.asarray(image.float() if image.is_floating_point() else image)
    if not isinstance(image, np.ndarray):
        frame: Frame = image
        return frame
    if image.ndim == 3 and image.shape[0] == 3 and image.shape[2] != 3:
        image = image.transpose(1, 2, 0)
    if image.dtype.kind == "f":
        if not (image.min() >= -ROUNDING and image.max() <= 1 + ROUNDING):
            raise ValueError(
                f"an image has floats from {image.min():.3g} to {image.max():.3g}; pass them in 0 to 1: "
                "(images / 2 + 0.5).clip(0, 1) if they are in -1 to 1, images / 255 if they are in 0 to 255"
            )
        image = (image.clip(0, 1) * 255).round().astype(np.uint8)
    if image.dtype != np.uint8:
        raise ValueError(f"an image has the dtype {image.dtype}; pass uint8, or floats in 0 to 1")
    pixels: NDArray[np.uint8] = image
    return pixels
