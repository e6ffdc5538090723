"""Floating-point operations of one frame, by formula. Pure functions.

A linear layer takes 2 x weights for each token. Attention takes 4 x width for each pair of a query and a key
(scores and weighted sum, 2 each); a causal mask leaves half of the pairs. Embeddings, norms, softmax and
activations are not counted. The vision tower counts up to the layer that is read.
"""

from __future__ import annotations

from typing import Any


def vision_flops(config: Any) -> float:
    """Vision tower and projector, one image.

    Args:
        config: a ``LlavaConfig`` with one vision feature layer.
    """
    vision, text = config.vision_config, config.text_config
    width, patches = vision.hidden_size, (vision.image_size // vision.patch_size) ** 2
    layers = vision.num_hidden_layers + 1 + config.vision_feature_layer  # -2: all but the last
    tokens = patches + 1  # the class token
    weights = layers * (4 * width**2 + 2 * width * vision.intermediate_size)
    attention = layers * 4 * width * tokens**2
    patching = 2 * 3 * vision.patch_size**2 * width * patches
    projector = 2 * (width * text.hidden_size + text.hidden_size**2) * patches
    return float(2 * weights * tokens + attention + patching + projector)


def language_flops(config: Any, tokens: int) -> float:
    """Language model over a whole prompt, logits of the last position alone.

    Args:
        config: a ``LlavaConfig``.
        tokens: of the prompt, the image's included.
    """
    text = config.text_config
    width = text.hidden_size
    key_width = width * text.num_key_value_heads // text.num_attention_heads
    weights = text.num_hidden_layers * (
        2 * width**2 + 2 * width * key_width + 3 * width * text.intermediate_size
    )
    attention = text.num_hidden_layers * 2 * width * tokens**2
    return float(2 * weights * tokens + attention + 2 * width * text.vocab_size)


def frame_flops(config: Any, tokens: int) -> float:
    """One frame's one-token readout: vision tower, projector and language model."""
    return vision_flops(config) + language_flops(config, tokens)
