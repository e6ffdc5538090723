"""The model under vLLM's asynchronous engine, in this process. The only file that imports vllm.

Not for what an answer means (``reading/``).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

# vLLM reads these when it is imported. A user's own values win.
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB; a frame's few hundred tokens need little

from PIL import Image
from transformers import AutoConfig, AutoProcessor
from vllm import SamplingParams, __version__
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.platforms import current_platform
from vllm.renderers.inputs.preprocess import parse_model_prompt
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError as VllmEngineDeadError

from reward_client.rubric import MAX_LABELS
from reward_server.engine.cpu_environment import set_up_cpu
from reward_server.engine.interface import (
    Answer,
    EngineAnswerError,
    EngineDeadError,
    EngineInfo,
    Question,
    QuestionError,
)
from reward_server.engine.label_tree import LabelError, LabelTree, build_tree, label_logprobs
from reward_server.engine.model_source import CheckpointError, folder_digest
from reward_server.engine.process_report import in_one_line
from reward_server.engine.processor_check import changes_of, input_size_px
from reward_server.settings import Settings

log = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT_S = 10.0

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
        try:
            self._processor = AutoProcessor.from_pretrained(source, revision=settings.revision)
            hf_config = AutoConfig.from_pretrained(source, revision=settings.revision)
        except Exception as error:  # a dozen types, from the Hub's to the tokenizer's
            raise CheckpointError(
                f"model {settings.model!r} has no usable tokenizer or image processor: {in_one_line(error)}"
            ) from error
        size_px = settings.input_size_px or input_size_px(hf_config)
        if changes := changes_of(self._processor.image_processor, size_px):
            raise CheckpointError(
                f"the processor of model {settings.model!r} would change the frames that this server "
                f"prepared ({size_px}x{size_px} RGB): {changes}. Another --input-size-px may fit"
            )
        images_per_prompt = 1 if hf_config.model_type in ONE_IMAGE_MODELS else 2
        self._engine = AsyncLLM.from_engine_args(
            AsyncEngineArgs(
                model=source,
                revision=settings.revision,
                dtype=settings.dtype,
                max_model_len=settings.max_model_len,  # type: ignore[arg-type] # None: the model's own
                max_num_seqs=settings.max_num_seqs or (64 if on_cpu else 256),
                max_num_batched_tokens=settings.max_num_batched_tokens or (8192 if on_cpu else 32768),
                gpu_memory_utilization=settings.gpu_memory_utilization,
                enforce_eager=settings.enforce_eager,
                distributed_executor_backend=executor,
                max_logprobs=MAX_LABELS,
                limit_mm_per_prompt={"image": images_per_prompt},
                # A frame is rarely asked about twice, and a cached prefix changes the last bits of
                # an answer: what a reward is must not depend on what was asked before.
                enable_prefix_caching=False,
                mm_processor_cache_gb=0,
                disable_log_stats=False,  # its metrics go to /metrics
                # a signal to the whole process group must not end work that we still drain
                shutdown_timeout=math.ceil(settings.drain_timeout_s),
                seed=0,
            )
        )
        config = self._engine.model_config
        self._tokenizer = self._engine.get_tokenizer()
        self._max_model_len: int = config.max_model_len
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
        added = getattr(self._tokenizer, "added_tokens_decoder", {}).values()
        placeholder = getattr(self._processor, "image_token", None)
        self._special_tokens = {
            *self._tokenizer.all_special_tokens,
            *(token.content for token in added if token.special),  # "<start_of_turn>" has no named role
            *([placeholder] if placeholder else []),
        }
        ends = config.try_get_generation_config().get("eos_token_id", self._tokenizer.eos_token_id)
        self._end_ids = tuple(ends) if isinstance(ends, list) else (ends,) if ends is not None else ()
        self._numbers = itertools.count()
        self._prepared = lru_cache(maxsize=256)(self._prepare)
        self._preparing = threading.Lock()

    @property
    def errored(self) -> bool:
        """Whether the engine is dead."""
        return bool(self._engine.errored)

    def close(self) -> None:
        """Stops the engine and its processes."""
        self._engine.shutdown(timeout=SHUTDOWN_TIMEOUT_S)

    def question(self, prompt: str, labels: Sequence[str], images: int = 1, max_tokens: int = 1) -> Question:
        """Prepares a question in the model's own prompt format. May be called from any thread.

        Args:
            prompt: the question alone.
            labels: the answers whose probabilities are wanted; none for an answer in text.
            images: number of images that are asked about.
            max_tokens: length of the longest answer.

        Raises:
            QuestionError: the prompt holds special tokens or is too long, or the labels cannot be read.
        """
        return self._prepared(prompt, tuple(labels), images, max_tokens)

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        """Has a question answered.

        Args:
            images: RGB images of the input size.
            question: from ``question``.

        Raises:
            EngineAnswerError: this question failed; the engine lives on.
            EngineDeadError: the engine died.
        """
        if question.labels is None:
            return await self._generate(images, question)
        return await self._read_labels(images, question, question.labels)

    async def _read_labels(
        self, images: Sequence[Image.Image], question: Question, tree: LabelTree
    ) -> Answer:
        """One forward pass, or one for each inner node of the tree of labels."""
        names = self._names(images)  # shared by all passes, so that the image is encoded once
        outputs = await asyncio.gather(
            *(
                self._run(
                    images,
                    names,
                    (*question.token_ids, *node.after),
                    SamplingParams(
                        temperature=0.0,
                        max_tokens=1,
                        logprob_token_ids=list(node.token_ids),
                        logprobs=len(node.token_ids),
                        detokenize=False,
                        output_kind=RequestOutputKind.FINAL_ONLY,
                    ),
                )
                for node in tree.passes
            )
        )
        answers = []
        for node, (_, completion) in zip(tree.passes, outputs, strict=True):
            if not completion.logprobs:
                raise EngineAnswerError("the engine gave no probabilities for this frame")
            answers.append({token: completion.logprobs[0][token].logprob for token in node.token_ids})
        logprobs = label_logprobs(tree, answers)
        return Answer(
            text=self._tokenizer.decode([outputs[0][1].token_ids[0]]).strip()
            if len(tree.passes) == 1
            else max(logprobs, key=lambda label: logprobs[label]),
            logprobs=logprobs,
            prompt_tokens=sum(len(output.prompt_token_ids or ()) for output, _ in outputs),
            completion_tokens=len(outputs),
        )

    async def _generate(self, images: Sequence[Image.Image], question: Question) -> Answer:
        """Generates an answer in text, always the most probable token next."""
        params = SamplingParams(
            temperature=0.0,
            max_tokens=question.max_tokens,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        output, completion = await self._run(images, self._names(images), question.token_ids, params)
        return Answer(
            text=self._tokenizer.decode(completion.token_ids, skip_special_tokens=True).strip(),
            truncated=completion.finish_reason == "length",
            prompt_tokens=len(output.prompt_token_ids or ()),
            completion_tokens=len(completion.token_ids),
        )

    def _names(self, images: Sequence[Image.Image]) -> list[str]:
        """Names never used before. vLLM would hash the pixels for one, to find them in caches we turn off."""
        return [f"image-{next(self._numbers)}" for _ in images]

    async def _run(
        self,
        images: Sequence[Image.Image],
        names: Sequence[str],
        token_ids: tuple[int, ...],
        params: SamplingParams,
    ) -> tuple[RequestOutput, CompletionOutput]:
        size_px = self.info.input_size_px
        for image in images:
            if image.size != (size_px, size_px) or image.mode != "RGB":
                # An image of an unexpected size would kill vLLM's worker.
                raise ValueError(f"the engine takes {size_px}x{size_px} RGB, not {image.size} {image.mode}")
        prompt = parse_model_prompt(
            self._engine.model_config,
            {
                "prompt_token_ids": list(token_ids),
                "multi_modal_data": {"image": list(images)},
                "multi_modal_uuids": {"image": list(names)},
            },
        )
        renderer = self._engine.renderer
        try:
            (rendered,) = await renderer.render_cmpl_async([prompt], renderer.default_cmpl_tok_params)
            request_id = f"frame-{next(self._numbers)}"
            (output,) = [o async for o in self._engine.generate(rendered, params, request_id)]
        except VllmEngineDeadError as error:
            raise EngineDeadError from error
        except Exception as error:  # vLLM's own types and whatever a model's code raises
            if self.errored:
                raise EngineDeadError from error
            log.exception("the engine could not process a frame")
            raise EngineAnswerError("the engine could not process this frame") from error
        completion = output.outputs[0]
        # "abort" too is no answer: its text may lack an end, or a digit
        if completion.finish_reason not in {"stop", "length"} or not output.prompt_token_ids:
            raise EngineAnswerError("the engine gave no answer for this frame")
        return output, completion

    def _prepare(self, prompt: str, labels: tuple[str, ...], images: int, max_tokens: int) -> Question:
        with self._preparing:  # tokenizers keep settings between calls
            return self._prepare_alone(prompt, labels, images, max_tokens)

    def _prepare_alone(self, prompt: str, labels: tuple[str, ...], images: int, max_tokens: int) -> Question:
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
        blank = Image.new("RGB", (self.info.input_size_px, self.info.input_size_px))
        length = len(self._processor(text=text, images=[blank] * images)["input_ids"][0])
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
