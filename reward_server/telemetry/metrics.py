"""What a dashboard shows of this server, beside vLLM's own metrics.

Not for health (``engine/health.py``) or for logs.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from reward_client.schema import CompareResponse, ReadingsResponse, RewardItem, ScoreResponse, Timings
from reward_client.wording.ensemble import AnyRubric, Ensemble

WINDOW = 512
"""Answers of one rubric over which the most frequent one's share is taken."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_REWARDS = (-1.0, -0.5, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_SHARES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)


def _name(asked: AnyRubric | None) -> str:
    """A rubric's name for metrics; one word for all that came with a request."""
    if isinstance(asked, Ensemble):
        return "ensemble"
    return asked if isinstance(asked, str) else "inline"


class Metrics:
    """The server's own metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "vlm_reward_requests",
            "Requests by route and HTTP status.",
            ["route", "status"],
            registry=registry,
        )
        self.frames = Counter(
            "vlm_reward_frames", "Frames by rubric and item status.", ["rubric", "status"], registry=registry
        )
        self.comparisons = Counter(
            "vlm_reward_comparisons",
            "Pairs by rubric, item status, and whether both orders agreed.",
            ["rubric", "status", "consistent"],
            registry=registry,
        )
        self.cached = Counter(
            "vlm_reward_cached_frames", "Frames answered from the cache.", ["rubric"], registry=registry
        )
        self.rewards = Histogram(
            "vlm_reward_reward", "Rewards.", ["rubric"], buckets=_REWARDS, registry=registry
        )
        self.label_mass = Histogram(
            "vlm_reward_label_mass", "Label mass.", ["rubric"], buckets=_SHARES, registry=registry
        )
        self.top_answer_share = Gauge(
            "vlm_reward_top_answer_share",
            f"Share of the most frequent answer among the last {WINDOW} of a rubric: near 1, the model "
            "has collapsed.",
            ["rubric"],
            registry=registry,
        )
        self.phase_seconds = Histogram(
            "vlm_reward_phase_seconds",
            "Time of a request by phase: queue, decode, engine.",
            ["phase"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.images = Gauge(
            "vlm_reward_images", "Images that wait and that run.", ["state"], registry=registry
        )
        self.ready = Gauge("vlm_reward_ready", "1 while frames can be scored.", registry=registry)
        self._answers: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=WINDOW))

    def add_scores(self, asked: AnyRubric | None, answer: ScoreResponse) -> None:
        """Counts one answer of ``POST /score``.

        Args:
            asked: what it is the answer to.
            answer: what was sent.
        """
        self.add_times(answer.timings)
        self.cached.labels(_name(asked)).inc(answer.usage.cached_images)
        self._add_asked(asked, answer.data)

    def add_readings(self, asked: Sequence[AnyRubric], answer: ReadingsResponse) -> None:
        """Counts one answer of ``POST /score`` to several rubrics.

        Args:
            asked: what it is the answer to.
            answer: what was sent.
        """
        self.add_times(answer.timings)
        for place, rubric in enumerate(asked):
            self._add_asked(rubric, answer.items(place))

    def _add_asked(self, asked: AnyRubric | None, items: Sequence[RewardItem]) -> None:
        """Counts the rewards of a rubric; those of an ensemble, and what each of its rubrics read."""
        self._add_items(_name(asked), items)
        if isinstance(asked, Ensemble):
            for place, member in enumerate(asked.mean_of):
                self._add_items(_name(member), [item.readings[place] for item in items if item.readings])

    def _add_items(self, rubric: str, items: Iterable[RewardItem]) -> None:
        answers = self._answers[rubric]
        for item in items:
            self.frames.labels(rubric, item.status.value).inc()
            if item.reward is not None:
                self.rewards.labels(rubric).observe(item.reward)
            if item.label_mass is not None:
                self.label_mass.labels(rubric).observe(item.label_mass)
            if item.text is not None:
                answers.append(item.text)
        if answers:
            (_, most), *_ = Tally(answers).most_common(1)
            self.top_answer_share.labels(rubric).set(most / len(answers))

    def add_comparisons(self, asked: AnyRubric, answer: CompareResponse) -> None:
        """Counts one answer of ``POST /compare``."""
        self.add_times(answer.timings)
        rubric = _name(asked)
        for item in answer.data:
            consistent = "" if item.consistent is None else str(item.consistent).lower()
            self.comparisons.labels(rubric, item.status.value, consistent).inc()

    def add_times(self, timings: Timings) -> None:
        """Counts where one request's time went."""
        for phase in ("queue", "decode", "engine"):
            self.phase_seconds.labels(phase).observe(getattr(timings, f"{phase}_s"))
