"""Measures every shipped rubric on the shipped checkpoint and writes the table of the documentation.

``python -m tiny_llava.report.rubric_table``: real vLLM, over HTTP, on frames that training never saw. Not for
the checkpoint's own report, which asks in bfloat16 and in other wordings (``accuracy.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from scipy.stats import kendalltau
from tqdm import tqdm

from reward_client import RewardClient, RewardItem
from reward_client.processes.local_server import local_server
from tiny_llava.language.questions import CAR_TOPICS, FRAME_TOPICS, LEAN_DEG, UPRIGHT_DEG, Topic
from tiny_llava.pictures.other_games import OTHER_GAMES
from tiny_llava.report.asking import FRAMES_PER_REQUEST, GOAL, compare
from tiny_llava.report.measures import (
    BESIDE_UPRIGHT_DEG,
    Fresh,
    fresh_frames,
    fresh_game,
    fresh_pairs,
    measure,
    measure_pairs,
)
from tiny_llava.train import CHECKPOINT

TOPIC_OF: dict[str, Topic] = {
    "cartpole-angle": "angle",
    "cartpole-degrees-text": "angle",
    "cartpole-lean": "lean",
    "cartpole-rating": "rating",
    "cartpole-upright": "upright",
    "mountaincar-distance": "car_position",
    "mountaincar-height": "car_height",
    "pendulum-angle": "pendulum",
}

_PAGE = """\
# Accuracy of the shipped rubrics on the shipped checkpoint

Written by `make rubric-table`; do not edit. {engine}, {dtype}, {device}, checkpoint `{revision}`.
CartPole: {frames} frames that training never saw, half with tilts uniform over ±12°, half over ±90°, the cart
anywhere on the track. MountainCar and Pendulum: {game_frames} frames each, the car anywhere on the track,
the pendulum at any angle. The last column is Kendall's τ_b of the reward with what it should rise with, over
the scored frames: minus the size of the tilt, or the car's height, or its position. 1 is the same order. A
reward that is 0 beyond 12°, or nearly the same for most frames, has ties and cannot reach 1.

| rubric | readout | tokens a frame | frames scored | read against the truth | reward's τ_b |
|---|---|---|---|---|---|
{rows}

`POST /compare` by the goal "{goal}": of {pairs} pairs of these frames whose tilts differ by
at least 3° in size, the more upright one was preferred in {right:.1%}; both orders agreed in
{consistent:.1%}.
"""


@dataclass(frozen=True)
class Options:
    """Measures every shipped rubric on the shipped checkpoint."""

    checkpoint: Path = CHECKPOINT
    """folder of the model"""
    out: Path = Path("docs") / "rubric-accuracy.md"
    """file to write"""
    frames: int = 600
    """fresh frames: half uniform over +-12 degrees, half over +-90"""
    game_frames: int = 400
    """fresh frames of each other game, over all that its picture can show"""
    pairs: int = 200
    """pairs of these frames whose tilts differ by at least 3 degrees in size"""
    dtype: str = "float32"
    """type of the engine's arithmetic"""


def row(name: str, readout: str, items: Sequence[RewardItem], tokens: int, fresh: Fresh) -> str:
    """One line of the table.

    Args:
        name: of the rubric.
        readout: its readout.
        items: the server's answers.
        tokens: tokens that the model generated for them.
        fresh: the frames with what is true of them.
    """
    topic = TOPIC_OF[name]
    scored = np.array([item.reward is not None for item in items])
    rewards = [item.reward for item in items if item.reward is not None]
    rising = fresh.truth if topic in CAR_TOPICS else -np.abs(fresh.truth)
    tau = kendalltau(rewards, rising[scored]).statistic
    found = _found(topic, items, fresh)
    return f"| `{name}` | {readout} | {tokens / len(items):.1f} | {scored.mean():.1%} | {found} | {tau:.3f} |"


def _found(topic: Topic, items: Sequence[RewardItem], fresh: Fresh) -> str:
    """What was read against what is true, in words."""
    measured = measure(topic, items, fresh.truth)
    if topic == "angle":
        wide = [item for item, is_wide in zip(items, fresh.is_wide, strict=True) if is_wide]
        error_deg = measure(topic, wide, fresh.truth[fresh.is_wide])["mae_deg"]
        return (
            f"mean error {measured['mae_to_12_deg']:.2f}° to 12°, {error_deg:.2f}° over ±90°; side right "
            f"beyond 1°: {measured['sign_right']:.1%}"
        )
    if topic == "pendulum":
        return (
            f"mean error {measured['mae_deg']:.2f}° all round; side right beyond {BESIDE_UPRIGHT_DEG:g}°: "
            f"{measured['side_right']:.1%}"
        )
    if topic == "car_position":
        return f"mean error {measured['mae']:.3f} of a track of 1.8"
    if topic == "car_height":
        return (
            f"mean error {9 * measured['mae']:.2f} of 9; τ_b with the height: {measured['kendall_tau_b']:.3f}"
        )
    if topic == "rating":
        return f"τ_b of the rating with minus the tilt's size: {measured['kendall_tau_b']:.3f}"
    least = f"up to {UPRIGHT_DEG:g}°" if topic == "upright" else f"upright up to {LEAN_DEG:g}°"
    return f"answer right ({least}): {measured['right']:.1%}"


def table(options: Options) -> str:
    """Measures all rubrics against a server that it starts.

    Returns:
        The documentation's page, in Markdown.
    """
    cartpole = fresh_frames(options.frames)
    shown: dict[Topic, Fresh] = dict.fromkeys(FRAME_TOPICS, cartpole)
    for game in OTHER_GAMES:
        shown |= fresh_game(game, options.game_frames)
    pairs = fresh_pairs(cartpole.truth, options.pairs)
    arguments = ["--model", str(options.checkpoint), "--dtype", options.dtype]
    log_file = Path("runs") / "rubric-table" / "server.log"
    lines: list[str] = []
    with local_server(arguments, log_file=log_file) as server, RewardClient(server.url) as client:
        info = client.info()
        for name, topic in TOPIC_OF.items():
            fresh = shown[topic]
            items: list[RewardItem] = []
            tokens = 0
            for start in tqdm(range(0, len(fresh.frames), FRAMES_PER_REQUEST), desc=name, unit="request"):
                answer = client.score(fresh.frames[start : start + FRAMES_PER_REQUEST], name)
                items += answer.data
                tokens += answer.usage.completion_tokens
            lines.append(row(name, client.rubric(name).rubric.readout.type, items, tokens, fresh))
        found = measure_pairs(*compare(client, cartpole, pairs, "cartpole-upright"))
    return _PAGE.format(
        engine=info.engine,
        dtype=info.dtype,
        device=info.device,
        revision=info.revision,
        frames=options.frames,
        game_frames=options.game_frames,
        rows="\n".join(lines),
        pairs=len(pairs),
        goal=GOAL,
        **found,
    )


def main() -> None:
    """Command line: measures, and writes the page."""
    options = tyro.cli(Options)
    page = table(options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page)
    print(page)


if __name__ == "__main__":
    main()
