"""Writes the checkpoint's model card from ``training.json`` and ``accuracy.json``. Measures nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_BAR_NAMES = {
    "mae_to_12_deg": "mean absolute error of the expected tilt, up to 12° (degrees)",
    "mae_to_90_deg": "the same, uniform over ±90° (degrees)",
    "sign_right": "sign of the tilt right, beyond 1° (share)",
    "upright_right": "upright, up to 4°: yes or no right (share)",
    "compare_right": "of two frames side by side whose tilts differ by 3° or more in size, the more upright "
    "one preferred, both orders together (share)",
    "rating_kendall_tau_b": "Kendall's τ_b of the expected 0-9 rating with minus the tilt's size",
    "car_position_mae": "MountainCar: mean absolute error of the expected position, on a track of 1.8",
    "pendulum_mae_deg": "Pendulum: mean absolute error of the expected angle, all round (degrees)",
    "pendulum_side_right": "Pendulum: side right, beyond 5° from upright (share)",
}
_MEASURE_NAMES = {
    "mae_deg": "mean absolute error (degrees)",
    "mae": "mean absolute error (position; height as a share)",
    "side_right": "side right",
    "sign_right": "sign right",
    "right": "right",
    "consistent": "consistent",
    "kendall_tau_b": "τ_b",
}


def card(training: dict[str, Any], accuracy: dict[str, Any]) -> str:
    """The model card, in Markdown.

    Args:
        training: what ``training.json`` holds.
        accuracy: what ``accuracy.json`` holds.
    """
    recipe, start = training["recipe"], training["start"]
    lines = [
        "# A small LLaVA that reads CartPole, MountainCar and Pendulum frames",
        "",
        f"A LLaVA-architecture model of {training['parameters'] / 1e6:.1f} million parameters (CLIP vision "
        "tower of 224 px, projector, Llama) in the file layout of `llava-hf/llava-1.5-7b-hf`, bfloat16. "
        "Trained by `make tiny-llava` in two parts on 2 cores: from scratch on "
        f"{start['recipe']['frames']:,} labelled CartPole frames ({start['wall_clock_s'] / 60:.0f} minutes, "
        f"seed {start['recipe']['seed']}, weights `{start['weights_sha256'][:12]}`), then on "
        f"{recipe['frames']:,} others and {recipe['other_frames']:,} of each other game "
        f"({training['wall_clock_s'] / 60:.0f} minutes, seed {recipe['seed']}). It is not LLaVA-1.5-7B and "
        "knows nothing but these games.",
        "",
        "It answers, with one token: the tilt in degrees (left negative, whole degrees up to ±20, even ones "
        "up to ±96), whether the pole is upright (`Yes`/`No`, up to 4°), which way it leans "
        "(`Left`/`Right`/`Upright`, from 1° on), a rating of how upright it is (`0`-`9`), and which of two "
        "frames side by side shows the more upright pole (`Left`/`Right`). A pole beyond 96° is read as ±96, "
        "one that hangs (165° or more) as 96. Of MountainCar: where the car is (`-1.2` to `0.6`) and how "
        "high it stands (`0`-`9`). Of Pendulum: its angle from upright (left negative, every second degree "
        "to ±20, every fourth to ±180).",
        "",
        f"## Measured through {accuracy['engine']} in {accuracy['dtype']}, over HTTP",
        "",
        f"{accuracy['frames']:,} fresh frames with a seed that training never used: half uniform over ±12°, "
        "half over ±90°, the cart anywhere on the track (|x| ≤ 2.4, which is what the picture shows); "
        f"and {accuracy['game_frames']:,} of each other game, over all that its picture can show.",
        "",
        "| measure | measured | bar | met |",
        "|---|---|---|---|",
        *(
            f"| {_BAR_NAMES[name]} | {bar['measured']:.3f} | {bar['bar']} | {'yes' if bar['met'] else 'NO'} |"
            for name, bar in accuracy["bars"].items()
        ),
        "",
        "With the cart's centre off the picture (2.4 < |x| ≤ 2.5, where CartPole has just ended; a pole that "
        "leans outwards is not seen) the mean absolute error to 12° is "
        f"{accuracy['topics']['angle']['mae_beyond_the_picture_deg']:.1f}°: such frames are read as tilted "
        "far outwards.",
        "",
        f"Lean right on {accuracy['topics']['lean']['right']:.1%} of all frames. Of {accuracy['pairs']:,} "
        f"pairs, {accuracy['topics']['compare']['right_to_12_deg']:.1%} right where both tilts are within "
        f"±12°, {accuracy['topics']['compare']['right_to_90_deg']:.1%} over ±90°; both orders agreed on "
        f"{accuracy['topics']['compare']['consistent']:.1%}. Lowest share of frames "
        f"answered: {min(topic['answered'] for topic in accuracy['topics'].values()):.1%}. The car's height: "
        f"τ_b {accuracy['topics']['car_height']['kendall_tau_b']:.3f}, mean absolute error "
        f"{9 * accuracy['topics']['car_height']['mae']:.2f} of 9.",
        "",
        "## Wordings and goals that training never showed",
        "",
        "| wording | measured |",
        "|---|---|",
        *(
            f"| {wording} | "
            + ", ".join(f"{_MEASURE_NAMES[k]} {v:.3f}" for k, v in row.items() if k in _MEASURE_NAMES)
            + " |"
            for wording, row in accuracy["held_out_wordings"].items()
        ),
        "",
    ]
    return "\n".join(lines)


def write_card(folder: Path) -> None:
    """Writes the checkpoint's ``README.md`` from its two reports."""
    training, accuracy = (
        json.loads((folder / name).read_text()) for name in ("training.json", "accuracy.json")
    )
    (folder / "README.md").write_text(card(training, accuracy))
