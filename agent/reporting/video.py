"""Films the final policy with the VLM's answers drawn on: ``video.mp4`` and ``video.gif``.

Not for how an answer is drawn (``recording/marked_frame.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.recording.marked_frame import mark
from agent.recording.run_folder import ANIMATION, VIDEO
from agent.training.evaluate import EVAL_SEED, Policy
from reward_client.labeling.labeler import Labeler, Scores
from reward_client.rubric import Rubric
from reward_tasks.task import Task

GIF_FRAMES_PER_S = 12.5
"""Browsers show GIFs of so many frames a second well. They are at half the size."""


def film(
    folder: Path,
    policy: Policy,
    task: Task,
    client: Scores | None = None,
    rubric: str | Rubric = "",
    max_images: int | None = None,
) -> None:
    """Plays one greedy episode, the first of the evaluation, and films it.

    Args:
        folder: receives both files.
        policy: what is filmed.
        task: what is played.
        client: where frames are scored; None films without answers.
        rubric: what is asked.
        max_images: images that the server takes in one request; None where it is not known.

    Raises:
        RewardServiceError: the server failed for good.
    """
    env = task.make(frames=True)
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
            mark(frame, label, task, state)
            for frame, label, state in zip(frames, labels, states, strict=True)
        ]
    _write_mp4(images, folder / VIDEO, task.frames_per_s)
    every = max(round(task.frames_per_s / GIF_FRAMES_PER_S), 1)
    half = (images[0].width // 2, images[0].height // 2)
    few = [image.resize(half).quantize(64) for image in images[::every]]
    few[0].save(
        folder / ANIMATION,
        save_all=True,
        append_images=few[1:],
        duration=1000 * every // task.frames_per_s,
        loop=0,
    )


def _write_mp4(images: Sequence[Image.Image], path: Path, fps: int) -> None:
    writer = imageio_ffmpeg.write_frames(str(path), images[0].size, fps=fps, macro_block_size=8)
    writer.send(None)
    for image in images:
        writer.send(np.asarray(image).tobytes())
    writer.close()
