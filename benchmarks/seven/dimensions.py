"""LLaVA-1.5-7B's dimensions, and a tiny model of the same build; random weights, made on the device.

Dimensions as in ``config.json`` of llava-hf/llava-1.5-7b-hf.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

IMAGE_TOKEN = 32_000
VOCABULARY = 32_064
TEXT_TOKENS = 21
"""Of a rubric's prompt in LLaVA's chat template, its first token included; the image's are 576 more."""


@dataclass(frozen=True)
class Dimensions:
    """Sizes of a LLaVA.

    Attributes:
        hidden: width of the language model.
        intermediate: width of its feed-forward layers.
        layers: of the language model.
        heads: of the language model; as many for keys and values.
        vision_hidden: width of the vision tower.
        vision_intermediate: width of its feed-forward layers.
        vision_layers: of the vision tower; the last one is not read.
        vision_heads: of the vision tower.
        image_px: side of the square image.
        patch_px: side of a patch.
    """

    hidden: int = 4096
    intermediate: int = 11_008
    layers: int = 32
    heads: int = 32
    vision_hidden: int = 1024
    vision_intermediate: int = 4096
    vision_layers: int = 24
    vision_heads: int = 16
    image_px: int = 336
    patch_px: int = 14

    @property
    def image_tokens(self) -> int:
        """Tokens that stand for an image."""
        return (self.image_px // self.patch_px) ** 2


SEVEN_B = Dimensions()
TINY = Dimensions(
    hidden=64,
    intermediate=128,
    layers=2,
    heads=2,
    vision_hidden=32,
    vision_intermediate=64,
    vision_layers=3,
    vision_heads=2,
    image_px=56,
)


def llava_config(dimensions: Dimensions) -> LlavaConfig:
    """Configuration of a LLaVA-1.5 of these dimensions, in llava-hf's layout."""
    d = dimensions
    return LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=d.vision_hidden,
            intermediate_size=d.vision_intermediate,
            num_hidden_layers=d.vision_layers,
            num_attention_heads=d.vision_heads,
            image_size=d.image_px,
            patch_size=d.patch_px,
            projection_dim=768,
        ),
        text_config=LlamaConfig(
            architectures=["LlamaForCausalLM"],
            hidden_size=d.hidden,
            intermediate_size=d.intermediate,
            num_hidden_layers=d.layers,
            num_attention_heads=d.heads,
            num_key_value_heads=d.heads,
            vocab_size=VOCABULARY,
            max_position_embeddings=4096,
            rms_norm_eps=1e-5,
            pad_token_id=32_001,
        ),
        image_token_index=IMAGE_TOKEN,
        image_seq_length=d.image_tokens,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
    )


def random_model(
    dimensions: Dimensions, device: torch.device, dtype: torch.dtype
) -> LlavaForConditionalGeneration:
    """A model of these dimensions whose random weights are made on the device itself (seed 0)."""
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            model = LlavaForConditionalGeneration(llava_config(dimensions))
    finally:
        torch.set_default_dtype(before)
    frozen: LlavaForConditionalGeneration = model.eval().requires_grad_(False)
    return frozen


def model_on_disk(folder: Path, device: torch.device, dtype: torch.dtype) -> LlavaForConditionalGeneration:
    """The checkpoint in a folder, in llava-hf's layout."""
    model: Any = LlavaForConditionalGeneration.from_pretrained(folder, dtype=dtype, local_files_only=True)
    moved: LlavaForConditionalGeneration = model.to(device).eval().requires_grad_(False)
    return moved
