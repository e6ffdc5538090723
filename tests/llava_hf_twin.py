"""Builds "the twin": an untrained LLaVA in the exact layout of llava-hf/llava-1.5-7b-hf, with small weights.

Equal are the files and their keys, 336 px and 576 image tokens, the processor that crops the centre, the
chat template's words, and a SentencePiece vocabulary that splits digits as Llama's does: Mistral's first one,
which mistral_common ships under Apache-2.0. What it answers is noise.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mistral_common
import torch
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlamaTokenizer,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
)

from tiny_llava.model import export

VOCABULARY = Path(mistral_common.__file__).parent / "data" / "tokenizer.model.v1"
IMAGE_TOKEN = 32_000
PADDED_VOCABULARY = 32_064
IMAGE_PX, PATCH_PX = 336, 14
IMAGE_TOKENS = (IMAGE_PX // PATCH_PX) ** 2
WIDTH, VISION_WIDTH = 256, 64

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}"
    "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>\n' }}{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] + ' ' }}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
"""Writes what llava-hf's own does for a user's message: ``USER: <image>\\n{question} ASSISTANT:``."""


def build_twin(folder: Path) -> None:
    """Writes the twin to a folder, as vLLM loads it."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = LlavaForConditionalGeneration(_config())
    for parameter in model.model.language_model.parameters():
        parameter.data.mul_(2)  # else the logits hardly differ and the image hardly counts
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=IMAGE_TOKEN + 1)
    tokenizer = _tokenizer(folder)
    export(model, tokenizer, folder)  # the processor of the shipped checkpoint too, which this one replaces:
    LlavaProcessor(
        CLIPImageProcessor(
            size={"shortest_edge": IMAGE_PX}, crop_size={"height": IMAGE_PX, "width": IMAGE_PX}
        ),
        tokenizer,
        patch_size=PATCH_PX,
        vision_feature_select_strategy="default",
        chat_template=CHAT_TEMPLATE,
        image_token="<image>",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)


def _config() -> LlavaConfig:
    return LlavaConfig(
        architectures=["LlavaForConditionalGeneration"],
        vision_config=CLIPVisionConfig(
            hidden_size=VISION_WIDTH,
            intermediate_size=4 * VISION_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=2,
            image_size=IMAGE_PX,
            patch_size=PATCH_PX,
            projection_dim=768,
        ),
        text_config=LlamaConfig(
            architectures=["LlamaForCausalLM"],
            hidden_size=WIDTH,
            intermediate_size=688,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            vocab_size=PADDED_VOCABULARY,
            max_position_embeddings=4096,
            rms_norm_eps=1e-5,
            pad_token_id=IMAGE_TOKEN + 1,
        ),
        image_token_index=IMAGE_TOKEN,
        image_seq_length=IMAGE_TOKENS,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
    )


def _tokenizer(folder: Path) -> LlamaTokenizer:
    shutil.copy(VOCABULARY, folder / "tokenizer.model")
    settings = {"tokenizer_class": "LlamaTokenizer", "legacy": False, "add_bos_token": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer: LlamaTokenizer = LlamaTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    tokenizer.add_special_tokens({"pad_token": "<pad>"})  # behind: 32000 is the image's
    return tokenizer
