"""OpenRLHF's form: ``reward_func(queries, prompts, labels)``, in a file that ``--reward.remote_url`` names.

    # my_reward.py; --reward.remote_url my_reward.py
    reward_func = OpenRLHFReward(client, "my-rubric", frame_of=draw, on_null="raise")

The signature is that of OpenRLHF's README (0.11); the answer holds lists, as that of its own reward server
(``openrlhf/cli/serve_rm.py``) does. OpenRLHF has no null. ``openrlhf_server.py`` is the same over HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypedDict

from reward_client.adapters.asking import Row, StatedNull, TextOf, reward_or


class OpenRLHFRewards(TypedDict):
    """What OpenRLHF reads.

    Attributes:
        rewards: what is learned from, one a query.
        scores: what ``--algo.dynamic_filtering_enable`` filters by; the same.
        extra_logs: ``vlm_null``, the share of queries whose reward is ``on_null``.
    """

    rewards: list[float]
    scores: list[float]
    extra_logs: dict[str, float]


def response_text(row: Row) -> str:
    """What the policy wrote: the query without the prompt that it begins with."""
    return str(row["query"]).removeprefix(str(row["prompt"]))


class OpenRLHFReward(StatedNull):
    """A reward function for OpenRLHF.

    Args:
        client: where frames are scored.
        rubric: what to ask. Where its prompt has ``{text}``, the response is put there.
        frame_of: the frame of a sample, a mapping with ``query``, ``prompt`` and ``label``; None where there
            is none.
        on_null: the reward of a sample without one, or ``raise``. OpenRLHF logs the error, and then ends
            where it adds up rewards.
        text_of: what is put in the place of ``{text}``; None: the response. OpenRLHF's queries hold the
            tokenizer's special tokens.

    Raises:
        ValueError: ``on_null`` is something else, or what is to be asked is no rubric.
    """

    default_text: ClassVar[TextOf] = staticmethod(response_text)

    def __call__(
        self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any
    ) -> OpenRLHFRewards:
        """Scores queries: prompts with their responses.

        Raises:
            NullRewardError: a query has no reward, and ``on_null`` is ``raise``.
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server has other rewards now.
        """
        rows = [
            {"query": query, "prompt": prompt, "label": label}
            for query, prompt, label in zip(queries, prompts, labels, strict=True)
        ]
        items = self._asked.of_rows(rows)
        rewards = [reward_or(self._on_null, item, f"row {place}") for place, item in enumerate(items)]
        null_share = sum(item.reward is None for item in items) / max(len(items), 1)
        return {"rewards": rewards, "scores": list(rewards), "extra_logs": {"vlm_null": null_share}}
