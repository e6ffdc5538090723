"""Films the final policy with the VLM's answers drawn on: ``video.mp4`` and ``video.gif``.

Not for how an answer is drawn (``recording/marked_frame.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.recording.marked_frame import mark
from agent.rewards.labeler import Labeler, Scores
from agent.training.evaluate import EVAL_SEED, Policy
from reward_client.rubric import Rubric

FPS = 50
"""CartPole's own: a step is 20 ms (gymnasium/envs/classic_control/cartpole.py)."""

GIF_EVERY, GIF_SIZE = 4, (300, 200)
"""The GIF keeps one frame in four, at half the size: browsers show GIFs of 12.5 frames a second well."""


def film(
    folder: Path,
    policy: Policy,
    env_id: str,
    client: Scores | None = None,
    rubric: str | Rubric = "",
    max_images: int | None = None,
    **options: Any,
) -> None:
    """Plays one greedy episode, the first of the evaluation, and films it.

    Args:
        folder: receives both files.
        policy: what is filmed.
        env_id: name in Gymnasium's registry.
        client: where frames are scored; None films without answers.
        rubric: what is asked.
        max_images: images that the server takes in one request; None where it is not known.
        options: of the environment.

    Raises:
        RewardServiceError: the server failed for good.
    """
    env = gym.make(env_id, render_mode="rgb_array", **options)
    observation, _ = env.reset(seed=EVAL_SEED)
    frames: list[NDArray[np.uint8]] = []
    states: list[NDArray[np.float32]] = []
    ended = False
    while not ended:
        observation, _, terminated, truncated, _ = env.step(int(policy(observation[None])[0]))
        frames.append(np.asarray(env.render(), dtype=np.uint8))
        states.append(observation)
        ended = terminated or truncated
    env.close()
    if client is None:
        images = [Image.fromarray(frame) for frame in frames]
    else:
        with Labeler(client, rubric, max_images=max_images) as labeler:
            for frame in frames:
                labeler.submit(frame)
            labels = labeler.end_chunk().result()
        images = [
            mark(frame, label, float(state[0]), math.degrees(float(state[2])))
            for frame, label, state in zip(frames, labels, states, strict=True)
        ]
    _write_mp4(images, folder / "video.mp4")
    few = [image.resize(GIF_SIZE).quantize(64) for image in images[::GIF_EVERY]]
    few[0].save(
        folder / "video.gif",
        save_all=True,
        append_images=few[1:],
        duration=1000 * GIF_EVERY // FPS,
        loop=0,
    )


def _write_mp4(images: Sequence[Image.Image], path: Path) -> None:
    writer = imageio_ffmpeg.write_frames(str(path), images[0].size, fps=FPS, macro_block_size=8)
    writer.send(None)
    for image in images:
        writer.send(np.asarray(image).tobytes())
    writer.close()
