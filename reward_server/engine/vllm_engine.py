"""The model under vLLM's asynchronous engine, in this process. The only file that imports vllm.

Not for what an answer means (``reading/``).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

# vLLM reads these when it is imported. A user's own values win.
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB; a frame's few hundred tokens need little

import torch
from cachetools import LRUCache
from PIL import Image
from vllm import SamplingParams, __version__
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.inputs.engine import MultiModalInput, mm_input
from vllm.logprobs import FlatLogprobs
from vllm.multimodal.inputs import (
    MultiModalFieldElem,
    MultiModalKwargsItem,
    MultiModalKwargsItems,
    PlaceholderRange,
)
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.platforms import current_platform
from vllm.renderers.inputs.preprocess import parse_model_prompt
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError as VllmEngineDeadError

from reward_client.rubric import MAX_LABELS
from reward_server.engine.chat_format import ChatFormat
from reward_server.engine.cpu_environment import fastest_dtype, set_up_cpu
from reward_server.engine.image_tokens import ImageTokens, surroundings
from reward_server.engine.interface import (
    Answer,
    EngineAnswerError,
    EngineDeadError,
    EngineInfo,
    Question,
    ShownImages,
)
from reward_server.engine.label_reading import PassAnswer, read_tree
from reward_server.engine.label_tree import Pass
from reward_server.engine.model_source import folder_digest
from reward_server.engine.pixel_table import PixelTable, probes
from reward_server.engine.processor_check import checked_processor
from reward_server.settings import Settings

log = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT_S = 10.0

CPU_BLOCK_TOKENS = 32
"""Tokens in a block of the KV cache: the smallest that vLLM's attention takes on every CPU."""

ONE_IMAGE_MODELS = frozenset({"llava", "llava_next", "blip-2", "paligemma", "fuyu", "molmo"})
"""Model types (``config.json``) that were trained on one image a prompt, though vLLM lets them take more."""


class VllmEngine:
    """A vision-language model, ready to be asked. Loading takes from 30 s to minutes.

    Args:
        settings: model, dtype and engine options.

    Raises:
        CheckpointError: the model cannot be loaded, or its processor would change our frames.
    """

    def __init__(self, settings: Settings) -> None:
        on_cpu = current_platform.is_cpu()
        executor = set_up_cpu() if on_cpu else None
        folder = Path(settings.model).expanduser()
        local = folder.is_dir()
        source = str(folder) if local else settings.model
        processor, hf_config, size_px = checked_processor(source, settings.revision, settings.input_size_px)
        images_per_prompt = 1 if hf_config.model_type in ONE_IMAGE_MODELS else 2
        self._engine = AsyncLLM.from_engine_args(
            AsyncEngineArgs(
                model=source,
                revision=settings.revision,
                dtype=fastest_dtype() if on_cpu and settings.dtype == "auto" else settings.dtype,
                max_model_len=settings.max_model_len,  # type: ignore[arg-type] # None: the model's own
                max_num_seqs=settings.max_num_seqs or (32 if on_cpu else 256),
                max_num_batched_tokens=settings.max_num_batched_tokens or (8192 if on_cpu else 32768),
                gpu_memory_utilization=settings.gpu_memory_utilization,
                enforce_eager=settings.enforce_eager,
                distributed_executor_backend=executor,
                max_logprobs=MAX_LABELS,
                limit_mm_per_prompt={"image": images_per_prompt},
                # For the passes of one frame, which alone know its salt. A cached prefix changes the last
                # bits of an answer: what a reward is must not depend on what was asked before.
                enable_prefix_caching=True,
                # vLLM's own 128 on a CPU recomputes up to 127 shared tokens in each pass
                block_size=CPU_BLOCK_TOKENS if on_cpu else None,
                mm_processor_cache_gb=0,
                disable_log_stats=False,  # its metrics go to /metrics
                # a signal to the whole process group must not end work that we still drain
                shutdown_timeout=math.ceil(settings.drain_timeout_s),
                seed=0,
            )
        )
        config = self._engine.model_config
        self._tokenizer = self._engine.get_tokenizer()
        self.info = EngineInfo(
            model="/".join(folder.resolve().parts[-2:]) if local else settings.model,
            revision=f"sha256:{folder_digest(folder)}"
            if local
            else getattr(config.hf_config, "_commit_hash", None) or settings.revision,
            dtype=str(config.dtype).removeprefix("torch."),
            device=current_platform.device_type,
            engine=f"vllm {__version__}",
            input_size_px=size_px,
            images_per_prompt=images_per_prompt,
        )
        ends = config.try_get_generation_config().get("eos_token_id", self._tokenizer.eos_token_id)
        self._format = ChatFormat(
            processor,
            self._tokenizer,
            ends if isinstance(ends, list) else [] if ends is None else [ends],
            size_px=size_px,
            max_model_len=config.max_model_len,
        )
        self.question = self._format.question
        self._numbers = itertools.count()
        self._forms: LRUCache[tuple[int, tuple[int, ...]], _Form | None] = LRUCache(maxsize=256)
        self._rendering = asyncio.Lock()
        self._word = lru_cache(maxsize=4096)(lambda token: self._tokenizer.decode([token]).strip())

    @property
    def errored(self) -> bool:
        """Whether the engine is dead."""
        return bool(self._engine.errored)

    def close(self) -> None:
        """Stops the engine and its processes."""
        self._engine.shutdown(timeout=SHUTDOWN_TIMEOUT_S)

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        """Has a question answered.

        Args:
            images: RGB images of the input size. Questions about the same ``ShownImages`` share what vLLM
                keeps of them.
            question: from ``question``.

        Raises:
            EngineAnswerError: this question failed; the engine lives on.
            EngineDeadError: the engine died.
        """
        shown = images if isinstance(images, ShownImages) else ShownImages(images)
        rendered = await self._rendered(shown, question)
        if question.labels is None:
            return await self._generate(rendered, question.max_tokens)
        return await read_tree(question.labels, lambda node: self._read(rendered, node))

    async def _read(self, rendered: MultiModalInput, node: Pass) -> PassAnswer:
        """One pass for labels."""
        prompt = {**rendered, "prompt_token_ids": [*rendered["prompt_token_ids"], *node.after]}
        output, completion = await self._run(cast(MultiModalInput, prompt), _reading(node.token_ids))
        return PassAnswer(
            logprobs=_label_logprobs_of(completion, node),
            word=self._word(completion.token_ids[0]),
            prompt_tokens=len(output.prompt_token_ids or ()),
        )

    async def _generate(self, rendered: MultiModalInput, max_tokens: int) -> Answer:
        """Generates an answer in text, always the most probable token next."""
        params = SamplingParams(
            temperature=0.0,
            max_tokens=max_tokens,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        output, completion = await self._run(rendered, params)
        return Answer(
            text=self._tokenizer.decode(completion.token_ids, skip_special_tokens=True).strip(),
            truncated=completion.finish_reason == "length",
            prompt_tokens=len(output.prompt_token_ids or ()),
            completion_tokens=len(completion.token_ids),
        )

    async def _run(
        self, rendered: MultiModalInput, params: SamplingParams
    ) -> tuple[RequestOutput, CompletionOutput]:
        with self._failures():
            request_id = f"frame-{next(self._numbers)}"
            (output,) = [o async for o in self._engine.generate(rendered, params, request_id)]
        completion = output.outputs[0]
        # "abort" too is no answer: its text may lack an end, or a digit
        if completion.finish_reason not in {"stop", "length"} or not output.prompt_token_ids:
            raise EngineAnswerError("the engine gave no answer for this frame")
        return output, completion

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turns what vLLM raises into this project's errors."""
        try:
            yield
        except VllmEngineDeadError as error:
            raise EngineDeadError from error
        except Exception as error:  # vLLM's own types and whatever a model's code raises
            if self.errored:
                raise EngineDeadError from error
            log.exception("the engine could not process a frame")
            raise EngineAnswerError("the engine could not process this frame") from error

    async def _rendered(self, shown: ShownImages, question: Question) -> MultiModalInput:
        """The engine's input: all that the passes for one question share."""
        size_px = self.info.input_size_px
        for image in shown:
            if image.size != (size_px, size_px) or image.mode != "RGB":
                # An image of an unexpected size would kill vLLM's worker.
                raise ValueError(f"the engine takes {size_px}x{size_px} RGB, not {image.size} {image.mode}")
        # Names that no other item has: what vLLM keeps under them is found by the questions about this one
        # alone. It would hash the pixels for names, and find what other requests left.
        names = [f"image-{shown.number}-{place}" for place in range(len(shown))]
        with self._failures():
            form = await self._form(question, len(shown))
            if form is None:
                rendered = await self._render(question.token_ids, shown, names)
            else:
                rendered = form.rendered(question.token_ids, shown, names)
        rendered["cache_salt"] = names[0]
        return rendered

    async def _form(self, question: Question, images: int) -> _Form | None:
        """How images are put into a prompt like this one; None where vLLM must render each of them."""
        key = (images, surroundings(question.token_ids, self._format.image_token_id))
        if key not in self._forms:
            async with self._rendering:  # many frames may bring a new question at once
                if key not in self._forms:
                    self._forms[key] = await self._learned(question, images)
        return self._forms[key]

    async def _learned(self, question: Question, images: int) -> _Form | None:
        """Has vLLM render a prompt twice, and learns how to put other images into it and its like."""
        size_px = self.info.input_size_px
        rendered = [
            await self._render(question.token_ids, [probe] * images, ["probe"] * images)
            for probe in probes(size_px)
        ]
        items = [input_["mm_kwargs"]["image"][0] for input_ in rendered]
        if items[0] is None or len(items[0]) != 1:
            return None
        ((key, element),) = items[0].items()
        pixels = PixelTable.learned([item[key].data for item in items if item], size_px)
        places = rendered[0]["mm_placeholders"]["image"]
        tokens = ImageTokens.learned(
            question.token_ids,
            rendered[0]["prompt_token_ids"],
            [(place.offset, place.length) for place in places],
        )
        if pixels is None or tokens is None:
            return None
        return _Form(tokens, places[0].is_embed, pixels, key, element.field)

    async def _render(
        self, token_ids: Sequence[int], images: Sequence[Image.Image], names: Sequence[str]
    ) -> MultiModalInput:
        """Has vLLM's renderer prepare images, which takes one thread and about a millisecond each."""
        prompt = parse_model_prompt(
            self._engine.model_config,
            {
                "prompt_token_ids": list(token_ids),
                "multi_modal_data": {"image": list(images)},
                "multi_modal_uuids": {"image": list(names)},
            },
        )
        renderer = self._engine.renderer
        (rendered,) = await renderer.render_cmpl_async([prompt], renderer.default_cmpl_tok_params)
        return cast(MultiModalInput, rendered)


@dataclass(frozen=True)
class _Form:
    """How images are put into a prompt without vLLM's renderer.

    Attributes:
        tokens: what stands for an image.
        is_embed: which of these tokens the model replaces by the encoded image; None: all.
        pixels: what becomes of an image's pixels.
        key: name of the model's argument for them.
        field: how vLLM joins several of them.
    """

    tokens: ImageTokens
    is_embed: torch.Tensor | None
    pixels: PixelTable
    key: str
    field: Any

    def rendered(self, token_ids: Sequence[int], shown: ShownImages, names: list[str]) -> MultiModalInput:
        """The engine's input. ``token_ids`` hold one token for each image."""
        expanded, offsets = self.tokens.expanded(token_ids)
        length = len(self.tokens.expansion)
        if shown.prepared is None:
            shown.prepared = MultiModalKwargsItems({"image": [self._item(image) for image in shown]})
        return mm_input(
            expanded,
            shown.prepared,
            {"image": names},
            {"image": [PlaceholderRange(offset, length, self.is_embed) for offset in offsets]},
        )

    def _item(self, image: Image.Image) -> MultiModalKwargsItem:
        return MultiModalKwargsItem({self.key: MultiModalFieldElem(self.pixels.look_up(image), self.field)})


@lru_cache(maxsize=4096)
def _reading(token_ids: tuple[int, ...]) -> SamplingParams:
    """How probabilities of tokens are asked for; ``logprobs`` beside them would be a sort for nothing."""
    return SamplingParams(
        temperature=0.0,
        max_tokens=1,
        logprob_token_ids=list(token_ids),
        flat_logprobs=True,
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
        skip_clone=True,  # vLLM changes nothing in it that differs between requests
    )


def _label_logprobs_of(completion: CompletionOutput, node: Pass) -> dict[int, float]:
    """The logarithms that a pass asked for; the sampled token stands before them."""
    flat = completion.logprobs
    if not isinstance(flat, FlatLogprobs) or tuple(flat.token_ids[1:]) != node.token_ids:
        raise EngineAnswerError("the engine gave no probabilities for this frame")
    return dict(zip(node.token_ids, flat.logprobs[1:], strict=True))
