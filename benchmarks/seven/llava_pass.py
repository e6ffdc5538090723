"""A LLaVA's forward passes, part by part: encode, prefill, extend a cache, greedy text.

Not for building the model (``dimensions.py``) or for timing. Attention is PyTorch's own
(``scaled_dot_product_attention``): whole prompts need no mask and take its flash kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import DynamicCache

from benchmarks.seven.dimensions import IMAGE_TOKEN, TEXT_TOKENS

IMAGE_AT = 5
"""Tokens before the image: the one that begins the prompt, and ``USER:`` with its space."""


class LlavaPass:
    """The parts of a LLaVA, called one by one.

    Args:
        model: ``LlavaForConditionalGeneration``, on its device.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.config = model.config
        self.inner = model.model
        self.device = next(model.parameters()).device
        self.dtype = next(model.parameters()).dtype
        vision = self.config.vision_config
        self.image_tokens = (vision.image_size // vision.patch_size) ** 2
        self.prompt_tokens = self.image_tokens + TEXT_TOKENS

    def random_pixels(self, batch: int) -> torch.Tensor:
        """Images of noise: (batch, 3, side, side), normalised."""
        side = self.config.vision_config.image_size
        return torch.randn(batch, 3, side, side, device=self.device, dtype=self.dtype)

    def random_prompts(self, batch: int) -> torch.Tensor:
        """Prompts of random words around an image's place: (batch, prompt_tokens) int64."""
        ids = torch.randint(3, 31_999, (batch, self.prompt_tokens), device=self.device)
        ids[:, IMAGE_AT : IMAGE_AT + self.image_tokens] = IMAGE_TOKEN
        return ids

    @torch.inference_mode()
    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Vision tower and projector.

        Args:
            pixels: (batch, 3, side, side).

        Returns:
            (batch, image_tokens, hidden).
        """
        states = self.inner.vision_tower(pixels, output_hidden_states=True).hidden_states
        features: torch.Tensor = self.inner.multi_modal_projector(
            states[self.config.vision_feature_layer][:, 1:]
        )
        return features

    @torch.inference_mode()
    def prefill(
        self,
        ids: torch.Tensor,
        features: torch.Tensor,
        cache: DynamicCache | None = None,
        read_at: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The language model over whole prompts, and what follows them.

        Args:
            ids: (batch, tokens) int64.
            features: (batch, image_tokens, hidden).
            cache: filled with the keys and values; None: they are not kept.
            read_at: (batch,) int64, the position of each that is read; default: the last one.

        Returns:
            Logits of one position each, (batch, vocabulary).
        """
        embedded = self.inner.language_model.embed_tokens(ids)
        embedded[:, IMAGE_AT : IMAGE_AT + features.shape[1]] = features
        hidden = self._language(embedded, cache)
        if read_at is None:
            read = hidden[:, -1]
        else:
            read = hidden[torch.arange(len(ids), device=ids.device), read_at]
        logits: torch.Tensor = self.model.lm_head(read)
        return logits

    @torch.inference_mode()
    def extend(
        self,
        ids: torch.Tensor,
        cache: DynamicCache,
        mask: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The language model over further tokens after a cache.

        Args:
            ids: (batch, tokens) int64.
            cache: keys and values of what is before; gets those of these tokens.
            mask: (batch, 1, tokens, cached + tokens) bool, True where a token may look; default: causal.
            positions: (batch, tokens) int64; default: one after the other.

        Returns:
            Logits of every new position, (batch, tokens, vocabulary).
        """
        cached, new = cache.get_seq_length(), ids.shape[1]
        if mask is None and new > 1:
            seen = torch.ones(new, cached + new, dtype=torch.bool, device=ids.device)
            mask = seen.tril(diagonal=cached).expand(len(ids), 1, -1, -1)
        hidden = self._language(self.inner.language_model.embed_tokens(ids), cache, mask, positions)
        logits: torch.Tensor = self.model.lm_head(hidden)
        return logits

    @torch.inference_mode()
    def greedy(self, ids: torch.Tensor, pixels: torch.Tensor, tokens: int) -> torch.Tensor:
        """The most probable next token, again and again.

        Args:
            ids: (batch, tokens) int64.
            pixels: (batch, 3, side, side).
            tokens: to write.

        Returns:
            (batch, tokens) int64.
        """
        cache = DynamicCache()
        written = [self.prefill(ids, self.encode(pixels), cache).argmax(-1, keepdim=True)]
        while len(written) < tokens:
            written.append(self.extend(written[-1], cache)[:, -1].argmax(-1, keepdim=True))
        return torch.cat(written, dim=1)

    def _language(
        self,
        embedded: torch.Tensor,
        cache: DynamicCache | None,
        mask: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The language model's layers: (batch, tokens, hidden) to the same.

        The model's own forward looks at values of its mask, which waits for the GPU and cannot be captured.
        """
        model = self.inner.language_model
        if positions is None:
            cached = cache.get_seq_length() if cache is not None else 0
            positions = torch.arange(cached, cached + embedded.shape[1], device=embedded.device)[None]
        rotary = model.rotary_emb(embedded, position_ids=positions)
        hidden = embedded
        for layer in model.layers:
            hidden = layer(
                hidden,
                attention_mask=mask,
                position_embeddings=rotary,
                position_ids=positions,
                past_key_values=cache,
                use_cache=cache is not None,
            )
        normed: torch.Tensor = model.norm(hidden)
        return normed


def captured(work: Callable[[], object]) -> Callable[[], None]:
    """The same work as one CUDA graph: the GPU runs it without waiting for Python.

    Args:
        work: kernels alone, on the same tensors each time; it has run before.

    Returns:
        Runs the graph.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    replay: Callable[[], None] = graph.replay
    return replay
