"""The model under vLLM's asynchronous engine, in this process. The only file that imports vllm.

Not for what an answer means (``readouts.py``).
"""

from __future__ import annotations

import hashlib
import itertools
import os
from functools import lru_cache
from pathlib import Path

# vLLM reads these when it is imported. A user's own values win.
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB; a frame's few hundred tokens need little

from PIL import Image
from transformers import AutoProcessor
from vllm import SamplingParams, __version__
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.exceptions import VLLMValidationError
from vllm.platforms import current_platform
from vllm.renderers.inputs.preprocess import parse_model_prompt
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError as VllmEngineDeadError
from vllm.v1.engine.exceptions import EngineGenerateError

from reward_client.schema import MAX_LABELS
from reward_server.checkpoint import CheckpointError, folder_digest
from reward_server.scorer import (
    Answer,
    EngineDeadError,
    EngineFrameError,
    EngineInfo,
    Question,
    QuestionError,
)
from reward_server.settings import Settings

SHUTDOWN_TIMEOUT_S = 10.0


class VllmEngine:
    """A vision-language model, ready to be asked. Loading takes from 30 s to minutes.

    Args:
        settings: model, dtype and engine options.

    Raises:
        CheckpointError: the model cannot be loaded, or its processor would change our frames.
    """

    def __init__(self, settings: Settings) -> None:
        on_cpu = current_platform.is_cpu()
        folder = Path(settings.model).expanduser()
        try:
            self._processor = AutoProcessor.from_pretrained(
                folder if folder.is_dir() else settings.model, revision=settings.revision
            )
        except Exception as error:  # a dozen types, from the Hub's to the tokenizer's
            raise CheckpointError(
                f"model {settings.model!r} has no usable processor (tokenizer, image processor): "
                f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            ) from error
        self._engine = AsyncLLM.from_engine_args(
            AsyncEngineArgs(
                model=str(folder) if folder.is_dir() else settings.model,
                revision=settings.revision,
                dtype=settings.dtype,
                max_model_len=settings.max_model_len,  # type: ignore[arg-type] # None: the model's own
                max_num_seqs=settings.max_num_seqs or (64 if on_cpu else 256),
                max_num_batched_tokens=settings.max_num_batched_tokens or (8192 if on_cpu else 32768),
                gpu_memory_utilization=settings.gpu_memory_utilization,
                enforce_eager=settings.enforce_eager,
                max_logprobs=MAX_LABELS,
                limit_mm_per_prompt={"image": 1},
                # A frame is rarely asked about twice, and a cached prefix changes the last bits of
                # an answer: what a reward is must not depend on what was asked before.
                enable_prefix_caching=False,
                mm_processor_cache_gb=0,
                disable_log_stats=True,
                seed=0,
            )
        )
        config = self._engine.model_config
        self._tokenizer = self._engine.get_tokenizer()
        self._max_model_len: int = config.max_model_len
        self.info = EngineInfo(
            model="/".join(folder.resolve().parts[-2:]) if folder.is_dir() else settings.model,
            revision=folder_digest(folder)
            if folder.is_dir()
            else getattr(config.hf_config, "_commit_hash", None) or settings.revision,
            dtype=str(config.dtype).removeprefix("torch."),
            device=current_platform.device_type,
            engine=f"vllm {__version__}",
            input_size_px=config.hf_config.vision_config.image_size,
        )
        try:
            self._check_processor_keeps_size()
        except CheckpointError:
            self.close()
            raise
        self._request_numbers = itertools.count()
        self._prepared = lru_cache(maxsize=256)(self._prepare)

    @property
    def errored(self) -> bool:
        """Whether the engine is dead."""
        return bool(self._engine.errored)

    def close(self) -> None:
        """Stops the engine and its processes."""
        self._engine.shutdown(timeout=SHUTDOWN_TIMEOUT_S)

    def question(self, prompt: str, labels: list[str]) -> Question:
        """Prepares a question in the model's own prompt format.

        Args:
            prompt: the question alone.
            labels: the answers whose probabilities are wanted.

        Raises:
            QuestionError: the prompt holds special tokens or is too long, or a label is not one token.
        """
        return self._prepared(prompt, tuple(labels))

    async def ask(self, image: Image.Image, question: Question) -> Answer:
        """Asks about one frame: one forward pass.

        Args:
            image: RGB image of the input size.
            question: from ``question``.

        Raises:
            EngineFrameError: this request failed; the engine lives on.
            EngineDeadError: the engine died.
        """
        size_px = self.info.input_size_px
        if image.size != (size_px, size_px) or image.mode != "RGB":
            # An image of an unexpected size would kill vLLM's worker.
            raise ValueError(
                f"the engine takes {size_px}x{size_px} RGB images, not {image.size} {image.mode}"
            )
        digest = hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest()
        prompt = parse_model_prompt(
            self._engine.model_config,
            {
                "prompt": question.prompt,
                "multi_modal_data": {"image": image},
                "multi_modal_uuids": {"image": [digest]},
            },
        )
        ids = list(question.label_ids.values())
        params = SamplingParams(
            temperature=0.0,
            max_tokens=1,
            logprob_token_ids=ids,
            logprobs=len(ids),
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        renderer = self._engine.renderer
        try:
            (rendered,) = await renderer.render_cmpl_async([prompt], renderer.default_cmpl_tok_params)
            request_id = f"frame-{next(self._request_numbers)}"
            (output,) = [o async for o in self._engine.generate(rendered, params, request_id)]
        except VllmEngineDeadError as error:
            raise EngineDeadError("the engine died") from error
        except (EngineGenerateError, VLLMValidationError) as error:
            raise EngineFrameError("the engine could not process this frame") from error
        completion = output.outputs[0]
        if completion.finish_reason == "error" or not completion.logprobs or not output.prompt_token_ids:
            raise EngineFrameError("the engine gave no answer for this frame")
        logprobs = completion.logprobs[0]
        return Answer(
            logprobs={label: logprobs[token].logprob for label, token in question.label_ids.items()},
            text=self._tokenizer.decode([completion.token_ids[0]]).strip(),
            prompt_tokens=len(output.prompt_token_ids),
        )

    def _prepare(self, prompt: str, labels: tuple[str, ...]) -> Question:
        for token in self._tokenizer.all_special_tokens:
            if token in prompt:
                raise QuestionError("prompt", f"the prompt holds {token!r}, a special token of this model")
        if any(ord(c) < 32 and c not in "\n\t" for c in prompt):
            raise QuestionError("prompt", "the prompt holds a control character")
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        text = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        size_px = self.info.input_size_px
        blank = Image.new("RGB", (size_px, size_px))
        length = len(self._processor(text=text, images=blank)["input_ids"][0])
        if length + 1 > self._max_model_len:
            raise QuestionError(
                "prompt",
                f"prompt and image take {length} tokens; this server takes {self._max_model_len - 1}",
            )
        before = self._tokenizer.encode(text, add_special_tokens=False)
        ids = {label: self._label_id(text, before, label) for label in labels}
        if len(set(ids.values())) < len(ids):
            raise QuestionError("readout.labels", "two labels are the same token for this model's tokenizer")
        return Question(text, ids)

    def _label_id(self, prompt: str, before: list[int], label: str) -> int:
        """The one token that the model would write for a label right after the prompt."""
        answered = prompt + ("" if prompt[-1:].isspace() else " ") + label
        after = self._tokenizer.encode(answered, add_special_tokens=False)
        if after[: len(before)] != before or len(after) != len(before) + 1:
            raise QuestionError(
                "readout.labels",
                f"{label!r} is {len(after) - len(before)} tokens for this model's tokenizer; a label "
                "must be a single one",
            )
        return int(after[-1])

    def _check_processor_keeps_size(self) -> None:
        size_px = self.info.input_size_px
        frame = Image.new("RGB", (size_px, size_px))
        shape = tuple(
            self._processor.image_processor(images=frame, return_tensors="pt")["pixel_values"].shape
        )
        if shape != (1, 3, size_px, size_px):
            raise CheckpointError(
                f"the model's processor turns a {size_px}x{size_px} image into {shape}; it would resize "
                "or crop the frames that this server prepared"
            )
