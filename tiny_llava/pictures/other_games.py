"""Training frames of the games beside CartPole, and what the image tokens should tell of them.

Not for CartPole's frames (``frames.py``, ``data.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from reward_client.fitting import pad_to_square
from reward_tasks.catalog import find_task
from tiny_llava.language.questions import Topic
from tiny_llava.model import IMAGE_SIZE_PX


@dataclass(frozen=True)
class Game:
    """A game beside CartPole.

    Attributes:
        task: its name in ``reward_tasks``.
        topics: what is asked about each of its frames; two, of which one may be asked twice.
        columns: the task's column that is true of each topic.
    """

    task: str
    topics: tuple[Topic, Topic]
    columns: dict[Topic, str]


OTHER_GAMES = (
    Game(
        "MountainCar-v0",
        ("car_position", "car_height"),
        {"car_position": "car_position", "car_height": "car_height"},
    ),
    Game("Pendulum-v1", ("pendulum", "pendulum"), {"pendulum": "tilt_deg"}),
)


@dataclass(frozen=True)
class GameFrames:
    """Frames of one game.

    Attributes:
        game: which one.
        images: ``(N, 224, 224, 3)`` uint8 RGB, padded as the server does.
        truth: for each of the game's topics ``(N,)``.
        seen: ``(N, K)`` float32 about 1 in size, what the auxiliary head of training learns.
    """

    game: Game
    images: NDArray[np.uint8]
    truth: dict[Topic, NDArray[np.float64]]
    seen: torch.Tensor


def render_frames(
    game: Game, count: int, seed: int
) -> Iterator[tuple[NDArray[np.uint8], dict[Topic, float]]]:
    """Renders frames of states drawn over all that a picture of the game can show.

    Args:
        game: the game.
        count: number of frames.
        seed: seed of the states.

    Yields:
        An ``(H, W, 3)`` uint8 RGB frame, and what is true there for each topic.
    """
    task = find_task(game.task)
    env = task.make(frames=True)
    env.reset(seed=0)
    try:
        for state in tqdm(task.sweep(count, np.random.default_rng(seed)), desc=game.task, unit="frame"):
            truth = task.truth(task.place(env, state)[None])
            frame: Any = env.render()
            yield frame, {topic: float(truth[column][0]) for topic, column in game.columns.items()}
    finally:
        env.close()


def render_game(game: Game, count: int, seed: int) -> GameFrames:
    """Renders a training set.

    Args:
        game: the game.
        count: number of frames; each takes 150 kB of memory.
        seed: seed of the states.
    """
    images = np.empty((count, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3), dtype=np.uint8)
    truths: list[dict[Topic, float]] = []
    for i, (frame, truth) in enumerate(render_frames(game, count, seed)):
        images[i] = np.asarray(pad_to_square(Image.fromarray(frame), IMAGE_SIZE_PX))
        truths.append(truth)
    by_topic = {topic: np.array([truth[topic] for truth in truths]) for topic in game.columns}
    return GameFrames(game, images, by_topic, _seen(by_topic))


def _seen(truth: dict[Topic, NDArray[np.float64]]) -> torch.Tensor:
    if (angle_deg := truth.get("pendulum")) is not None:
        radians = np.radians(angle_deg)
        # the halved angle tells the sides apart where the rod hangs
        columns = [np.sin(radians), np.cos(radians), np.sin(radians / 2), angle_deg / 90.0]
    else:
        columns = [2.0 * truth["car_position"], 2.0 * truth["car_height"] - 1.0]
    return torch.from_numpy(np.stack(columns, axis=1)).float()
