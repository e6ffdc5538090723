"""What the server says of itself: the answers of ``GET /info``, ``GET /rubrics`` and ``GET /rubrics/{name}``.

Answers about images are in ``schema.py``, which exports all of this too.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from reward_client.rubric import Finite, Rubric


class RewardBounds(BaseModel):
    """Smallest and largest possible reward; null where there is none."""

    low: Finite | None
    high: Finite | None


class RubricInfo(BaseModel):
    """One rubric of the server; ``unavailable`` says why this model cannot answer it."""

    reward_id: str | None
    unavailable: str | None = None


class RubricEntry(RubricInfo):
    """One entry of ``GET /rubrics``. The reward id is that of the preprocessing ``pad``."""

    name: str
    object: Literal["rubric"] = "rubric"
    version: int
    readout: str
    unit: str | None
    goal: str | None
    reward_bounds: RewardBounds


class RubricList(BaseModel):
    """Answer of ``GET /rubrics``."""

    object: Literal["list"] = "list"
    data: list[RubricEntry]


class RubricDetail(RubricEntry):
    """Answer of ``GET /rubrics/{name}``.

    Attributes:
        rubric: the whole rubric, as it could be sent inline.
        prompt: the exact text that the model receives, in its own format; null if unavailable.
        compare_prompt: the same for ``POST /compare``; null without a goal.
        prompt_tokens: tokens of the prompt with one image.
        forward_passes: of the model for one frame, at most; null where it generates text.
    """

    rubric: Rubric
    prompt: str | None
    compare_prompt: str | None
    prompt_tokens: int | None
    forward_passes: int | None


class Limits(BaseModel):
    """What the server accepts."""

    max_images_per_request: int
    max_body_bytes: int
    max_image_pixels: int
    max_aspect_ratio: float


JSON, MULTIPART = "application/json", "multipart/form-data"


class ModelCard(BaseModel):
    """What the checkpoint's makers say of it. The server repeats their words; it has not checked them.

    Attributes:
        source: name of the file beside the weights.
        summary: its beginning as plain text.
        truncated: whether the file goes on.
    """

    source: str
    summary: str
    truncated: bool = False


class ServerInfo(BaseModel):
    """Answer of ``GET /info``.

    Attributes:
        score_media_types: of the bodies that ``POST /score`` takes. Older servers do not say, and take JSON.
        fitting: what fits frames there (``fitting.FITTED_BY``). Clients with another let the server fit.
        model_card: what the model's own card says that it knows; null where it has none.
    """

    model: str
    revision: str | None
    dtype: str
    device: str
    engine: str
    input_size_px: int
    images_per_prompt: int = 1
    rubrics: dict[str, RubricInfo]
    limits: Limits
    score_media_types: list[str] = [JSON]
    fitting: str | None = None
    model_card: ModelCard | None = None
