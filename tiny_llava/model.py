"""The model's shape, and its export to the file layout of ``llava-hf/llava-1.5-7b-hf``.

Not for training (``train.py``).
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

from tiny_llava.language.tokenizer import CHAT_TEMPLATE, IMAGE, MODEL_MAX_LENGTH

IMAGE_SIZE_PX = 224
PATCH_SIZE_PX = 28
WIDTH = 128
IMAGE_MEAN = (1.0, 1.0, 1.0)
"""White, CartPole's background, is normalised to zero: with CLIP's own mean training stalled."""
IMAGE_STD = (0.27, 0.27, 0.27)
USED_VISION_LAYERS = 3
"""LLaVA reads the last layer but one (``vision_feature_layer = -2``), so the tower has one more."""
IMAGE_TOKENS = (IMAGE_SIZE_PX // PATCH_SIZE_PX) ** 2

# transformers' module tree (left) against the names in llava-hf's files, which vLLM reads (right).
_FILE_PREFIXES = (
    ("model.language_model.", "language_model.model."),
    ("model.vision_tower.", "vision_tower.vision_model."),
    ("model.multi_modal_projector.", "multi_modal_projector."),
    ("lm_head.", "language_model.lm_head."),
)


def build_model(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    """Builds the untrained model from PyTorch's global random state, in float32.

    It has 1.7 M parameters before the other games' answers.
    """
    vision = CLIPVisionConfig(
        image_size=IMAGE_SIZE_PX,
        patch_size=PATCH_SIZE_PX,
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=USED_VISION_LAYERS + 1,
        num_attention_heads=4,
        projection_dim=WIDTH,
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=3 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=MODEL_MAX_LENGTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        architectures=["LlamaForCausalLM"],
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.get_vocab()[IMAGE],
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_seq_length=IMAGE_TOKENS,
        tie_word_embeddings=False,
        architectures=["LlavaForConditionalGeneration"],
    )
    model = LlavaForConditionalGeneration(config)
    # transformers' 0.02 drowns the positions in the patches' own content, and training stalls.
    torch.nn.init.normal_(model.model.vision_tower.embeddings.position_embedding.weight)
    return model


def load_model(folder: Path) -> tuple[LlavaForConditionalGeneration, PreTrainedTokenizerFast]:
    """Loads what ``export`` wrote, to go on training: the model in float32, and its tokenizer."""
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    return model.train(), tokenizer


def build_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    """Builds the processor: tokenizer, fixed-size CLIP image processor and chat template."""
    size = {"height": IMAGE_SIZE_PX, "width": IMAGE_SIZE_PX}
    return LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size=size, crop_size=size, image_mean=IMAGE_MEAN, image_std=IMAGE_STD
        ),
        tokenizer=tokenizer,
        patch_size=PATCH_SIZE_PX,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT_TEMPLATE,
    )


def export(model: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes config, bf16 weights, tokenizer, processor and chat template, as vLLM loads them.

    Args:
        model: the trained model; left as it is.
        tokenizer: its tokenizer.
        folder: created if missing; files of the same names are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        _file_name(name): tensor.detach().to(torch.bfloat16).contiguous()
        for name, tensor in model.state_dict().items()
        if not name.endswith("position_ids")
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    model.config.dtype = torch.bfloat16
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    build_processor(tokenizer).save_pretrained(folder)


def _file_name(parameter: str) -> str:
    for ours, theirs in _FILE_PREFIXES:
        if parameter.startswith(ours):
            return theirs + parameter.removeprefix(ours)
    raise ValueError(f"no file name is known for the parameter {parameter!r}")
