"""Trains the checkpoint on rendered frames and writes it, in two parts.

``python -m tiny_llava.train cartpole`` trains from scratch on CartPole alone; ``… games`` goes on from there
with all games. Not for measuring it: ``tiny_llava.report.accuracy`` does that, through the reward server.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import torch
import transformers
import tyro
from tqdm import tqdm
from transformers import LlavaForConditionalGeneration

from tiny_llava.language.tokenizer import add_answers, build_tokenizer
from tiny_llava.model import IMAGE_TOKENS, USED_VISION_LAYERS, WIDTH, build_model, export, load_model
from tiny_llava.pictures.data import Batch, Batches, render_training_frames
from tiny_llava.pictures.other_games import OTHER_GAMES, render_game

CHECKPOINT = Path(__file__).parent / "checkpoint"
TRAINING = "training.json"
CARTPOLE_ALONE = Path("runs") / "tiny-llava" / "cartpole"


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a part's weights, beside the code and the library versions."""

    out: Annotated[Path, tyro.conf.arg(help_behavior_hint="default of games: the shipped checkpoint")]
    """folder that receives the checkpoint"""
    start_from: Path | None = None
    """folder of a checkpoint to go on from; else from scratch"""
    seed: int = 1
    """seed of frames, wordings, weights and shuffles"""
    frames: int = 24_000
    """rendered frames of CartPole (190 kB of memory each)"""
    other_frames: int = 0
    """rendered frames of each other game (150 kB of memory each)"""
    steps: int = 2_600
    """optimiser steps"""
    batch_size: int = 56
    """frames of CartPole a step; each is asked two questions"""
    pairs: int = 24
    """composed pairs of frames a step; each is asked twice"""
    other_rows: int = 0
    """frames of each other game a step; each is asked two questions"""
    learning_rate: float = 1e-3
    """peak rate of a cosine schedule with a linear warm-up"""
    warmup_steps: int = 100
    """steps of the warm-up"""
    weight_decay: float = 0.01
    """AdamW's weight decay"""
    threads: int = 2
    """PyTorch's threads; another number changes the last bits"""


CARTPOLE = Recipe(out=CARTPOLE_ALONE)
GAMES = Recipe(
    out=CHECKPOINT,
    start_from=CARTPOLE_ALONE,
    seed=2,
    frames=16_000,
    other_frames=8_000,
    steps=2_400,
    batch_size=24,
    pairs=14,
    other_rows=18,
    learning_rate=5e-4,
)


def answer_loss(
    model: LlavaForConditionalGeneration, image: torch.Tensor, batch: Batch, eos_id: int
) -> torch.Tensor:
    """Cross-entropy of the answers against their soft targets, plus that of the end after them.

    Args:
        model: the model in training.
        image: ``(B, 64, 128)`` image tokens, from ``image_embeddings``.
        batch: frames and questions.
        eos_id: token that ends an answer.

    Returns:
        Scalar loss, mean over questions.
    """
    start, (rows, questions, length) = len(batch.start), batch.questions.shape
    embed = model.get_input_embeddings()
    prefix = embed(batch.start).repeat(rows, 1, 1)
    prefix[:, batch.start == model.config.image_token_index] = image
    embeds = torch.cat([prefix, embed(batch.questions.flatten(1))], dim=1)
    place = torch.arange(embeds.shape[1])
    block = (place - start).div(length, rounding_mode="floor").clamp(min=-1)  # -1: the start
    visible = (place[None] <= place[:, None]) & ((block[None] == -1) | (block[None] == block[:, None]))
    hidden = model.model.language_model(
        inputs_embeds=embeds,
        attention_mask=visible.expand(rows, 1, -1, -1),
        position_ids=torch.where(block < 0, place, place - block * length).expand(rows, -1),
        use_cache=False,
    ).last_hidden_state
    at_answer = start + torch.arange(questions) * length + batch.question_end
    answer_logits = model.lm_head(hidden[torch.arange(rows)[:, None], at_answer]).flatten(0, 1)
    end_logits = model.lm_head(hidden[torch.arange(rows)[:, None], at_answer + 1]).flatten(0, 1)
    answer = torch.nn.functional.cross_entropy(answer_logits, batch.targets.flatten(0, 1))
    end = torch.full((rows * questions,), eos_id)
    return answer + 0.1 * torch.nn.functional.cross_entropy(end_logits, end)


def image_embeddings(model: LlavaForConditionalGeneration, pixels: torch.Tensor) -> torch.Tensor:
    """Image tokens as LLaVA makes them, without running the vision tower's last layer, which it skips.

    Args:
        model: the model in training.
        pixels: ``(B, 3, 224, 224)`` float32, normalised.

    Returns:
        ``(B, 64, 128)`` float32.
    """
    tower = model.model.vision_tower
    hidden = tower.pre_layrnorm(tower.embeddings(pixels))
    for layer in tower.encoder.layers[:USED_VISION_LAYERS]:
        hidden = layer(hidden, attention_mask=None)
    image: torch.Tensor = model.model.multi_modal_projector(hidden[:, 1:])  # without the class token
    return image


def train(recipe: Recipe) -> dict[str, object]:
    """Runs the recipe and writes the checkpoint and ``training.json`` to ``recipe.out``.

    Returns:
        What ``training.json`` holds: the recipe, versions, last loss, wall-clock, weights' digest.
    """
    started = time.perf_counter()
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(recipe.seed)
    if recipe.start_from is None:
        tokenizer = build_tokenizer(recipe.seed)
        model = build_model(tokenizer)
    else:
        model, tokenizer = load_model(recipe.start_from)
        add_answers(tokenizer)
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    others = [render_game(g, recipe.other_frames, recipe.seed) for g in OTHER_GAMES if recipe.other_rows]
    # They learn what is true straight from the image tokens and are dropped afterwards: answers alone took
    # many times longer to teach the vision tower that the pole matters.
    heads = [torch.nn.Linear(IMAGE_TOKENS * WIDTH, n) for n in (3, 6, *(o.seen.shape[1] for o in others))]
    frames = render_training_frames(recipe.frames, recipe.seed)
    optimizer = torch.optim.AdamW(
        [*model.parameters(), *(p for head in heads for p in head.parameters())],
        recipe.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=recipe.weight_decay,
    )
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=recipe.warmup_steps)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.steps - recipe.warmup_steps)
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], [recipe.warmup_steps])
    batches = Batches(
        frames, tokenizer, recipe.batch_size, recipe.pairs, recipe.seed + 1, others, recipe.other_rows
    )
    mean_loss = 0.0
    progress = tqdm(zip(range(recipe.steps), batches, strict=False), total=recipe.steps, desc="training")
    for step, batch in progress:
        image = image_embeddings(model, batch.pixels)
        loss = answer_loss(model, image, batch, tokenizer.eos_token_id)
        groups = image.flatten(1).split([len(seen) for seen in batch.seen])
        seen_loss = sum(
            torch.nn.functional.mse_loss(head(group), seen)
            for head, group, seen in zip(heads, groups, batch.seen, strict=True)
            if len(seen)
        )
        optimizer.zero_grad()
        (loss + seen_loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        mean_loss += (loss.item() - mean_loss) / min(step + 1, 100)
        progress.set_postfix(loss=f"{mean_loss:.3f}")
    export(model, tokenizer, recipe.out)
    before = recipe.start_from and json.loads((recipe.start_from / TRAINING).read_text())
    record = {
        "recipe": {k: v for k, v in asdict(recipe).items() if k not in ("out", "start_from")},
        "start": before,
        "parameters": sum(p.numel() for p in model.parameters()),
        "last_answer_loss": round(mean_loss, 4),
        "wall_clock_s": round(time.perf_counter() - started),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "machine": platform.machine(),
        "weights_sha256": hashlib.sha256((recipe.out / "model.safetensors").read_bytes()).hexdigest(),
    }
    (recipe.out / TRAINING).write_text(json.dumps(record, indent=2) + "\n")
    return record


def main() -> None:
    """Command line of the recipe."""
    parts = {
        "cartpole": ("from scratch, CartPole alone", CARTPOLE),
        "games": ("goes on with all games", GAMES),
    }
    recipe = tyro.extras.overridable_config_cli(parts, description=__doc__)
    print(json.dumps(train(recipe), indent=2))


if __name__ == "__main__":
    main()
