"""Writes all of a LLaVA-1.5 checkpoint but its weights: configuration, tokenizer, processor, chat template.

The layout is that of llava-hf/llava-1.5-7b-hf. The tokenizer is Mistral's first one, a SentencePiece
vocabulary that splits digits as Llama's does, which mistral_common ships under Apache-2.0.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mistral_common
import torch
from safetensors.torch import save_file
from transformers import CLIPImageProcessor, GenerationConfig, LlamaTokenizer, LlavaProcessor

from benchmarks.seven.dimensions import IMAGE_TOKEN, Dimensions, llava_config

VOCABULARY_FILE = Path(mistral_common.__file__).parent / "data" / "tokenizer.model.v1"
PAD_TOKEN = IMAGE_TOKEN + 1

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}"
    "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>\n' }}{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] + ' ' }}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
"""Writes what llava-hf's own does for a user's message: ``USER: <image>\\n{question} ASSISTANT:``."""


def write_checkpoint(folder: Path, dimensions: Dimensions) -> None:
    """Writes the folder, for an engine that makes its weights itself (vLLM's ``load_format="dummy"``).

    Args:
        folder: created where it is missing. It takes 2 MB.
        dimensions: of the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = llava_config(dimensions)
    config.architectures = ["LlavaForConditionalGeneration"]
    config.save_pretrained(folder)
    generation_config().save_pretrained(folder)
    write_processor(folder, dimensions.image_px, dimensions.patch_px)
    # The server refuses a folder without weights, which is right but for an engine that reads none.
    save_file({"no_weights": torch.zeros(1)}, folder / "model.safetensors")


def generation_config() -> GenerationConfig:
    """The tokens at which texts begin and end."""
    return GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=PAD_TOKEN)


def write_processor(folder: Path, image_px: int, patch_px: int) -> None:
    """Writes the tokenizer, the processor that crops an image's centre, and the chat template.

    Args:
        folder: of the checkpoint.
        image_px: side of the model's square input.
        patch_px: side of a patch.
    """
    LlavaProcessor(
        CLIPImageProcessor(
            size={"shortest_edge": image_px}, crop_size={"height": image_px, "width": image_px}
        ),
        write_tokenizer(folder),
        patch_size=patch_px,
        vision_feature_select_strategy="default",
        chat_template=CHAT_TEMPLATE,
        image_token="<image>",  # noqa: S106 - no password
        num_additional_image_tokens=1,
    ).save_pretrained(folder)


def write_tokenizer(folder: Path) -> LlamaTokenizer:
    """Writes the tokenizer: 32,000 pieces, ``<image>`` and ``<pad>``."""
    shutil.copy(VOCABULARY_FILE, folder / "tokenizer.model")
    settings = {"tokenizer_class": "LlamaTokenizer", "legacy": False, "add_bos_token": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer: LlamaTokenizer = LlamaTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    tokenizer.add_special_tokens({"pad_token": "<pad>"})  # behind: 32000 is the image's
    tokenizer.save_pretrained(folder)
    return tokenizer
