"""What every contender asks about a frame: one prompt, and the labels whose probabilities make the answer."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from transformers import AutoProcessor

from reward_client.rubric import NumberReadout
from reward_server.rubrics.loading import load_rubrics


@dataclass(frozen=True)
class Question:
    """A rubric's question for one checkpoint.

    Attributes:
        rubric: the rubric's name, for our server.
        text: the question alone, for a chat message.
        prompt: the whole prompt in the model's format, for those that take text.
        labels: the answers whose probabilities are wanted.
        token_ids: of the labels, as they follow the prompt.
    """

    rubric: str
    text: str
    prompt: str
    labels: list[str]
    token_ids: list[int]

    def save(self, file: Path) -> None:
        """Writes it for a process of a contender."""
        file.write_text(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def load(cls, file: Path) -> Question:
        """Reads what ``save`` wrote."""
        return cls(**json.loads(file.read_text()))


def question_for(checkpoint: Path, rubric_name: str) -> Question:
    """Prepares a shipped rubric's question.

    Args:
        checkpoint: folder of the model.
        rubric_name: of a rubric whose labels are one token each for this model.

    Raises:
        ValueError: there is no such rubric, it reads no labels, or a label is several tokens.
    """
    rubrics = load_rubrics()
    if rubric_name not in rubrics:
        raise ValueError(f"--rubric {rubric_name}: there is none; choose one of {', '.join(sorted(rubrics))}")
    rubric = rubrics[rubric_name]
    if isinstance(rubric.readout, NumberReadout):
        raise ValueError(f"--rubric {rubric_name}: it reads no labels, which this benchmark compares")
    labels = list(rubric.readout.labels)
    processor = AutoProcessor.from_pretrained(checkpoint, local_files_only=True)
    content = [{"type": "image"}, {"type": "text", "text": rubric.prompt}]
    prompt = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    token_ids = [_label_token(processor.tokenizer, prompt, label) for label in labels]
    return Question(rubric_name, rubric.prompt, prompt, labels, token_ids)


def _label_token(tokenizer: object, prompt: str, label: str) -> int:
    encode = tokenizer.encode  # type: ignore[attr-defined] # of transformers, which has no types
    before = encode(prompt, add_special_tokens=False)
    after = encode(f"{prompt} {label}", add_special_tokens=False)
    if after[: len(before)] != before or len(after) != len(before) + 1:
        raise ValueError(
            f"label {label!r} is not one token of this model; choose another rubric or checkpoint"
        )
    return int(after[-1])
