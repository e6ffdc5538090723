"""Everyone who is compared, started once: at most one of them runs at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from transformers import AutoConfig

from benchmarks.bench.contenders.asking import BatchServerWay, ChatWay, ClientWay, ScoreWay, Way
from benchmarks.bench.contenders.question import Question, question_for
from benchmarks.bench.contenders.servers import Server, batch_server, reward_server, vllm_server
from benchmarks.bench.contenders.worker import Worker, worker
from benchmarks.bench.measuring.frames import Numbers, Size

Contender = Literal["a", "b", "c", "d", "e", "f"]

TITLES: dict[str, str] = {
    "a": "our `/score`",
    "b": "vLLM's own server, chat completions",
    "c": "vLLM offline, `LLM.generate`",
    "d": "the ancestor's loop: transformers `generate`, 24 tokens a step",
    "e": "a server as published ones: transformers in batches",
    "f": "the bare forward pass, best batch: the limit",
}

WayTo = Callable[[], Way]


@dataclass
class Field:
    """The contenders that were started.

    Attributes:
        question: what all of them are asked.
        square: the frame size at which no contender has to resize.
        start_up_s: how long each took from its start until it was ready, by contender.
        numbers: of the frames, for everything that is measured here: no part may repeat another one's.
        ours: our server; None where it is not compared. Likewise the others; the ancestor's loop and the
            bare model are one process.
    """

    question: Question
    square: Size
    start_up_s: dict[str, float]
    numbers: Numbers = field(default_factory=Numbers)
    ours: Server | None = None
    vllm: Server | None = None
    batch: Server | None = None
    offline: Worker | None = None
    ancestor: Worker | None = None
    bare: Worker | None = None

    def way(self, name: str) -> tuple[Server, WayTo]:
        """The server of a way to ask, and what makes the way.

        Args:
            name: ``score``: base64 of PNG; ``client``: arrays by our client; ``chat``; ``batch``.

        Raises:
            KeyError: its server was not started.
        """
        ways: dict[str, tuple[Server | None, Callable[[str], Way]]] = {
            "score": (self.ours, lambda url: ScoreWay(url, self.question)),
            "client": (self.ours, lambda url: ClientWay(url, self.question)),
            "chat": (self.vllm, lambda url: ChatWay(url, self.question)),
            "batch": (self.batch, BatchServerWay),
        }
        server, make = ways[name]
        if server is None:
            raise KeyError(f"the server of {name} was not started")
        url = server.url
        return server, lambda: make(url)


@contextmanager
def started_field(
    contenders: Sequence[Contender], checkpoint: Path, dtype: str, rubric: str, say: Callable[[str], None]
) -> Iterator[Field]:
    """Starts contenders one after another, and ends all of them with the block.

    Args:
        contenders: which.
        checkpoint: folder of the model that all of them load.
        dtype: of weights and arithmetic, for all of them.
        rubric: name of the shipped rubric that is asked.
        say: is told of each start.

    Raises:
        ContenderError: one of them did not start.
        ValueError: the rubric cannot be compared on this checkpoint.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        question = question_for(checkpoint, rubric)
        question_file = folder / "question.json"
        question.save(question_file)
        config: Any = AutoConfig.from_pretrained(checkpoint, local_files_only=True)
        side: int = config.vision_config.image_size
        found = Field(question, Size(side, side), {})
        if "a" in contenders:
            say(f"starting {TITLES['a']}")
            found.ours = stack.enter_context(reward_server(checkpoint, dtype, folder / "a.log"))
            found.start_up_s["a"] = found.ours.start_up_s
        if "b" in contenders:
            say(f"starting {TITLES['b']}")
            found.vllm = stack.enter_context(vllm_server(checkpoint, dtype, folder / "b.log"))
            found.start_up_s["b"] = found.vllm.start_up_s
        if "c" in contenders:
            say(f"starting {TITLES['c']}")
            arguments = (checkpoint, dtype, side, question_file)
            found.offline = stack.enter_context(worker("vllm", *arguments, folder / "c.log"))
            found.start_up_s["c"] = found.offline.start_up_s
        if "d" in contenders or "f" in contenders:
            say("starting transformers")
            arguments = (checkpoint, dtype, side, question_file)
            model = stack.enter_context(worker("transformers", *arguments, folder / "d.log"))
            found.ancestor = model if "d" in contenders else None
            found.bare = model if "f" in contenders else None
            found.start_up_s["f"] = model.start_up_s
        if "e" in contenders:
            say(f"starting {TITLES['e']}")
            found.batch = stack.enter_context(
                batch_server(checkpoint, dtype, question_file, folder / "e.log")
            )
            found.start_up_s["e"] = found.batch.start_up_s
        yield found
