"""verl's form: ``compute_score(data_source, solution_str, ground_truth, extra_info)``.

    # my_reward.py; custom_reward_function.path=my_reward.py custom_reward_function.name=compute_score
    compute_score = VerlReward(client, "my-rubric", frame_of=draw, on_null="raise")

The signature is that of verl's documentation (``docs/preparation/reward_function.rst``, 0.8). verl has no
null.
"""

from __future__ import annotations

from typing import Any, ClassVar

from reward_client.adapters.asking import Row, StatedNull, TextOf, reward_or


def solution_text(row: Row) -> str:
    """What the policy wrote."""
    return str(row["solution_str"])


class VerlReward(StatedNull):
    """A custom reward function for verl.

    Args:
        client: where frames are scored.
        rubric: what to ask. Where its prompt has ``{text}``, the solution is put there.
        frame_of: the frame of a sample, a mapping with ``data_source``, ``solution_str``, ``ground_truth``
            and ``extra_info``; None where there is none.
        on_null: the score of a sample without a reward, or ``raise``, which ends the run under the reward
            managers ``naive`` and ``dapo``. ``rate_limited`` turns every error into a score of 0, so state a
            number there.
        text_of: what is put in the place of ``{text}``; None: the solution.

    Raises:
        ValueError: ``on_null`` is something else, or what is to be asked is no rubric.
    """

    default_text: ClassVar[TextOf] = staticmethod(solution_text)

    def __call__(
        self, data_source: Any, solution_str: str, ground_truth: Any, extra_info: Any = None, **_: Any
    ) -> dict[str, float]:
        """Scores one sample.

        Returns:
            ``score``, and ``vlm_null``: 1 where the score is ``on_null``, else 0.

        Raises:
            NullRewardError: there is no reward, and ``on_null`` is ``raise``.
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server has other rewards now.
        """
        row = {
            "data_source": data_source,
            "solution_str": solution_str,
            "ground_truth": ground_truth,
            "extra_info": extra_info,
        }
        (item,) = self._asked.of_rows([row])
        score = reward_or(self._on_null, item, "the sample")
        return {"score": score, "vlm_null": float(item.reward is None)}
