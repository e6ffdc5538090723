"""TRL's form: ``reward_func(prompts, completions, **columns) -> list[float | None]``.

    trainer = GRPOTrainer(..., reward_funcs=TRLReward(client, "my-rubric"))

The signature is that of ``RewardFunc`` in TRL's ``trl/trainer/grpo_trainer.py`` (1.16), where None means that
this function does not score the completion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reward_client.adapters.asking import Asked, FrameOf, Row, RowRubric, TextOf
from reward_client.frames import Frame
from reward_client.wording.given_rubric import GivenRubric


def image_of(row: Row) -> Frame:
    """The image of a row's column ``image``, or the only one of its column ``images``.

    Raises:
        ValueError: there is none, or there are several.
    """
    images = row.get("images") or []
    if row.get("image") is not None:
        images = [row["image"]]
    if len(images) != 1:
        raise ValueError(
            f"the dataset's row has {len(images)} images in its columns 'image' and 'images'; say which "
            "frame a completion is judged by: TRLReward(..., frame_of=lambda row: row['my_column'])"
        )
    frame: Frame = images[0]
    return frame


def completion_text(row: Row) -> str:
    """What a completion says: the text itself, or the last message of a conversation, if any."""
    completion = row["completion"]
    if isinstance(completion, str):
        return completion
    content = completion[-1].get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


class TRLReward:
    """A reward function for TRL's ``GRPOTrainer`` and its kin.

    A completion without a reward is None. From TRL 1.6 on such a completion does not move the policy; before,
    it counted as 0 where no other reward function scored it.

    Args:
        client: where frames are scored.
        rubric: what to ask. Where its prompt has ``{text}``, the completion is put there.
        frame_of: the frame of a row of the dataset with its ``prompt`` and ``completion``; None where there
            is none.
        text_of: what is put in the place of ``{text}``.
    """

    def __init__(
        self,
        client: Asked,
        rubric: GivenRubric,
        *,
        frame_of: FrameOf = image_of,
        text_of: TextOf = completion_text,
    ) -> None:
        self._asked = RowRubric(client, rubric, frame_of=frame_of, text_of=text_of)
        self.__name__ = f"vlm_{rubric}" if isinstance(rubric, str) else "vlm"  # in TRL's logs

    def __call__(
        self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any
    ) -> list[float | None]:
        """Scores completions.

        Args:
            prompts: of the completions.
            completions: texts, or conversations.
            columns: of the dataset, each a list with one value a completion. TRL passes other things too,
                which are not looked at.

        Returns:
            One reward a completion; None where there is none.

        Raises:
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server has other rewards now.
        """
        count = len(completions)
        whole = {"prompt": prompts, "completion": completions, **columns}
        listed = {name: given for name, given in whole.items() if isinstance(given, list | tuple)}
        rows = [
            {name: given[place] for name, given in listed.items() if len(given) == count}
            for place in range(count)
        ]
        return [item.reward for item in self._asked.of_rows(rows)]
