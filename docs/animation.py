"""Draws ``docs/balancing.gif``: a policy that learned from a VLM's answers beside random actions.

    make demo    # trains runs/demo
    make serve   # in another terminal
    .venv/bin/python -m docs.animation runs/demo http://127.0.0.1:8000

Each frame is sent to the running server, and what is drawn is its answer. Not for a run's own film
(``reward-agent film``).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from agent.training.evaluate import EVAL_SEED, Policy
from agent.training.saving.final_policy import load_final_policy
from reward_client import RewardClient
from reward_client.schema import RewardItem
from reward_tasks.catalog import find_task
from reward_tasks.task import Task

TARGET = Path(__file__).parent / "balancing.gif"
RUBRIC = "cartpole-angle"
STEPS = 200
"""Steps that are shown, each of them 80 ms long: a quarter of the speed at which CartPole is meant."""

STEP_MS = 80
SIZE = (380, 250)
"""Width and height of one of the two panels."""

INK, PALE, TRACK, BAR = (25, 25, 25), (110, 110, 110), (225, 225, 225), (43, 122, 61)


@dataclass(frozen=True)
class Moment:
    """One step of a policy: the frame after it, its episode, and what was true."""

    frame: NDArray[np.uint8]
    episode: int
    true_tilt_deg: float


def played(task: Task, policy: Policy, seed: int) -> Iterator[Moment]:
    """Steps of a policy, episode after episode."""
    env = task.make(frames=True)
    observation, _ = env.reset(seed=seed)
    episode = 1
    while True:
        observation, _, terminated, truncated, _ = env.step(int(policy(observation[None])[0]))
        truth = task.truth(observation[None])["tilt_deg"]
        yield Moment(np.asarray(env.render(), dtype=np.uint8), episode, float(truth[0]))
        if terminated or truncated:
            observation, _ = env.reset()
            episode += 1


def degrees(angle_deg: float) -> str:
    """With one digit, and without a sign before zero."""
    return f"{angle_deg:+.1f}°" if round(angle_deg, 1) else "0.0°"


def panel(title: str, moment: Moment, answer: RewardItem) -> Image.Image:
    """One moment with its answer: what the VLM reads, and the reward as a bar."""
    width, height = SIZE
    image = Image.new("RGB", SIZE, "white")
    scene = Image.fromarray(moment.frame).crop((0, 110, 600, 330))
    image.paste(scene.resize((width, width * 220 // 600)), (0, height - width * 220 // 600))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default
    draw.text((12, 8), f"{title}, episode {moment.episode}", PALE, font(15))
    read = "nothing" if answer.value is None else degrees(answer.value)
    draw.text((12, 30), f"VLM reads {read}", INK, font(24))
    draw.text((width - 12, 38), f"true {degrees(moment.true_tilt_deg)}", PALE, font(15), anchor="ra")
    reward = "none" if answer.reward is None else f"{answer.reward:.2f}"
    draw.text((12, 66), f"reward {reward}", INK, font(18))
    draw.rounded_rectangle((122, 72, width - 12, 86), 7, TRACK)
    if answer.reward:
        draw.rounded_rectangle((122, 72, 136 + (width - 148) * answer.reward, 86), 7, BAR)
    return image


def main() -> None:
    """Plays both policies, asks about each frame and writes the animation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished run on CartPole-v1")
    parser.add_argument("server_url", help="a running reward server")
    given = parser.parse_args()
    task = find_task("CartPole-v1")
    rng = np.random.default_rng(0)
    learned = load_final_policy(given.run)
    steps = learned.config["options"]["env_steps"]
    policies: dict[str, Policy] = {
        "Random actions": lambda observations: rng.integers(0, 2, len(observations)),
        f"After {steps:,} steps of training": learned.greedy,
    }
    columns = []
    with RewardClient(given.server_url) as client:
        client.wait_ready()
        for title, policy in policies.items():
            moments = [
                moment for moment, _ in zip(played(task, policy, EVAL_SEED), range(STEPS), strict=False)
            ]
            answers = client.score([moment.frame for moment in moments], RUBRIC).data
            columns.append([panel(title, *one) for one in zip(moments, answers, strict=True)])
    pictures = []
    for left, right in zip(*columns, strict=True):
        both = Image.new("RGB", (2 * SIZE[0], SIZE[1]), "white")
        both.paste(left, (0, 0))
        both.paste(right, (SIZE[0], 0))
        ImageDraw.Draw(both).line((SIZE[0], 12, SIZE[0], SIZE[1] - 12), TRACK, 2)
        pictures.append(both.quantize(32, dither=Image.Dither.NONE))
    pictures[0].save(TARGET, save_all=True, append_images=pictures[1:], duration=STEP_MS, loop=0)


if __name__ == "__main__":
    main()
