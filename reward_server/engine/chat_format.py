"""A question in a model's own words: its chat template, its tokens, and the tokens of its labels.

Not for asking (``vllm_engine.py``), and not for what labels of several tokens cost (``label_tree.py``).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from PIL import Image

from reward_client.rubric import MAX_LABELS
from reward_server.engine.interface import Question, QuestionError
from reward_server.engine.label_tree import LabelError, LabelTree, build_tree


class ChatFormat:
    """Makes questions for one model.

    Args:
        processor: of the transformers library, with the chat template.
        tokenizer: the model's.
        end_ids: its end-of-answer tokens.
        size_px: side of the square images that are asked about.
        max_model_len: tokens of prompt, image and answer together.

    Attributes:
        image_token_id: stands for an image in a question's tokens; None where the processor does not tell.
    """

    def __init__(
        self, processor: Any, tokenizer: Any, end_ids: Sequence[int], *, size_px: int, max_model_len: int
    ) -> None:
        self._processor, self._tokenizer = processor, tokenizer
        self._end_ids, self._size_px, self._max_model_len = tuple(end_ids), size_px, max_model_len
        added = getattr(tokenizer, "added_tokens_decoder", {}).values()
        placeholder = getattr(processor, "image_token", None)
        self.image_token_id: int | None = getattr(processor, "image_token_id", None)
        self._special_tokens = {
            *tokenizer.all_special_tokens,
            *(token.content for token in added if token.special),  # "<start_of_turn>" has no named role
            *([placeholder] if placeholder else []),
        }
        self._made = lru_cache(maxsize=256)(self._make)
        self._making = threading.Lock()
        self._added: dict[int, int] = {}

    def question(self, prompt: str, labels: Sequence[str], images: int = 1, max_tokens: int = 1) -> Question:
        """Prepares a question. May be called from any thread.

        Args:
            prompt: the question alone.
            labels: the answers whose probabilities are wanted; none for an answer in text.
            images: number of images that are asked about.
            max_tokens: length of the longest answer.

        Raises:
            QuestionError: the prompt holds special tokens or is too long, or the labels cannot be read.
        """
        return self._made(prompt, tuple(labels), images, max_tokens)

    def _make(self, prompt: str, labels: tuple[str, ...], images: int, max_tokens: int) -> Question:
        with self._making:  # tokenizers keep settings between calls
            return self._make_alone(prompt, labels, images, max_tokens)

    def _make_alone(self, prompt: str, labels: tuple[str, ...], images: int, max_tokens: int) -> Question:
        for field, text in (("prompt", prompt), *(("readout.labels", label) for label in labels)):
            for token in self._special_tokens:
                if token in text:
                    raise QuestionError(
                        field, f"{text[:40]!r} holds {token!r}, a special token of this model"
                    )
        content = [*([{"type": "image"}] * images), {"type": "text", "text": prompt}]
        text = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        # as transformers' own chat does: a template may write the beginning-of-text token itself
        bos = getattr(self._tokenizer, "bos_token", None)
        begins = bos is not None and text.startswith(bos)
        ids = tuple(self._tokenizer.encode(text, add_special_tokens=not begins))
        length = len(ids) + self._image_tokens(text, len(ids), images)
        tree = self._label_tree(text, labels) if labels else None
        if tree is not None:
            max_tokens = 1 + max(len(node.after) for node in tree.passes)
        if length + max_tokens > self._max_model_len:
            raise QuestionError(
                "prompt",
                f"prompt and image take {length} tokens and the answer up to {max_tokens}; this server "
                f"takes {self._max_model_len} together",
            )
        return Question(text, ids, length, tree, max_tokens)

    def _image_tokens(self, text: str, without: int, images: int) -> int:
        """Tokens that images add to a prompt's: the same for all prompts, since all images have one size."""
        if images not in self._added:
            blank = Image.new("RGB", (self._size_px, self._size_px))
            self._added[images] = (
                len(self._processor(text=text, images=[blank] * images)["input_ids"][0]) - without
            )
        return self._added[images]

    def _label_tree(self, prompt: str, labels: tuple[str, ...]) -> LabelTree:
        """How the labels are read, as the tokens that the model would write right after the prompt."""
        before = self._tokenizer.encode(prompt, add_special_tokens=False)
        tokens: dict[str, list[int]] = {}
        for label in labels:
            answered = prompt + ("" if prompt[-1:].isspace() else " ") + label
            after = self._tokenizer.encode(answered, add_special_tokens=False)
            if after[: len(before)] != before or len(after) == len(before):
                raise QuestionError(
                    "readout.labels", f"{label!r} melts into the prompt's last token with this tokenizer"
                )
            tokens[label] = after[len(before) :]
        try:
            return build_tree(tokens, self._end_ids, MAX_LABELS)
        except LabelError as error:
            raise QuestionError("readout.labels", str(error)) from error
