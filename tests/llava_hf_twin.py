"""Builds "the twin": an untrained LLaVA in the exact layout of llava-hf/llava-1.5-7b-hf, with small weights.

Equal are the files and their keys, 336 px and 576 image tokens, the processor that crops the centre, the
chat template's words, and a SentencePiece vocabulary that splits digits as Llama's does. What it answers is
noise.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from benchmarks.seven.served.checkpoint import generation_config, write_processor, write_tokenizer
from tiny_llava.model import export

IMAGE_TOKEN = 32_000
PADDED_VOCABULARY = 32_064
IMAGE_PX, PATCH_PX = 336, 14
IMAGE_TOKENS = (IMAGE_PX // PATCH_PX) ** 2
WIDTH, VISION_WIDTH = 256, 64


def build_twin(folder: Path) -> None:
    """Writes the twin to a folder, as vLLM loads it."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = LlavaForConditionalGeneration(_config())
    for parameter in model.model.language_model.parameters():
        parameter.data.mul_(2)  # else the logits hardly differ and the image hardly counts
    model.generation_config = generation_config()
    export(model, write_tokenizer(folder), folder)  # and the shipped checkpoint's processor, replaced here:
    write_processor(folder, IMAGE_PX, PATCH_PX)


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
