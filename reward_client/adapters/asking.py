"""Asks one rubric about frames that each have a text of their own, such as a caption or an answer.

Not for the forms in which trainers call (``trl.py`` and its neighbours).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol

from reward_client.frames import Frame
from reward_client.labeling.null_rewards import NullRewardError, check_null_policy
from reward_client.labeling.same_rewards import SameRewards
from reward_client.rubric import Rubric
from reward_client.schema import ItemStatus, RewardItem, RubricDetail, ScoreResponse
from reward_client.wording.ensemble import AnyRubric, members
from reward_client.wording.given_rubric import GivenRubric, checked_rubric
from reward_client.wording.prompt_template import places_in
from reward_client.wording.variables import Value, trouble_with

log = logging.getLogger("reward_client")

PLACE = "text"
"""Name of the place that a rubric's prompt has for the text that goes with a frame."""

Row = Mapping[str, Any]
"""What a trainer says of one sample, by the names of its own arguments."""

FrameOf = Callable[[Row], Frame | None]
"""The frame that a sample is judged by; None where there is none, such as where an answer cannot be drawn."""

TextOf = Callable[[Row], str]
"""The text that goes with a sample's frame."""


class Asked(Protocol):
    """What adapters need of a reward server; ``reward_client.RewardClient`` has it."""

    def score(
        self,
        frames: Sequence[Frame],
        rubric: AnyRubric,
        *,
        variables: Sequence[Mapping[str, Value]] | None = None,
    ) -> ScoreResponse:
        """Scores frames."""

    def rubric(self, name: str) -> RubricDetail:
        """Asks for one rubric of the server."""


class TextRubric:
    """A rubric whose prompt may have the place ``{text}``.

    All frames go in one call, each with its own text. It may be used from several threads, and sent to other
    processes.

    Args:
        client: where frames are scored.
        rubric: what to ask, as the client takes it.

    Raises:
        RubricContentError: what is to be asked is no rubric.
    """

    def __init__(self, client: Asked, rubric: GivenRubric) -> None:
        self._client, self._rubric = client, checked_rubric(rubric)
        self._has_place: bool | None = None
        self._same = SameRewards()

    def items(self, frames: Sequence[Frame | None], texts: Sequence[str]) -> list[RewardItem]:
        """Asks about each frame with its text.

        Args:
            frames: as the client takes them; None where there is none.
            texts: one for each frame.

        Returns:
            One item per frame, in order. Its reward is None where the server gave none, where there is no
            frame, and where the text cannot be asked: it is too long, or holds what a prompt may not hold.

        Raises:
            ValueError: the server's model cannot answer the rubric, its prompt has other places than
                ``{text}``, or a frame is none.
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server has other rewards now.
        """
        has_place = self._looked_up()
        items = [_null("there is no frame")] * len(frames)
        sent: dict[int, Frame] = {}
        for place, (frame, text) in enumerate(zip(frames, texts, strict=True)):
            trouble = trouble_with(text) if has_place else None
            if frame is not None and trouble:
                items[place] = _null(f"the text cannot be asked: {trouble}")
            elif frame is not None:
                sent[place] = frame
        if sent:
            variables = [{PLACE: texts[place]} for place in sent] if has_place else None
            answer = self._client.score(list(sent.values()), self._rubric, variables=variables)
            self._same.check(answer.reward_id)
            for place, item in zip(sent, answer.data, strict=True):
                items[place] = item
        items = [item.model_copy(update={"index": place}) for place, item in enumerate(items)]
        _tell(items)
        return items

    def _looked_up(self) -> bool:
        """Whether the prompt has the place, which the server is asked once."""
        if self._has_place is None:
            prompts = [self._prompt(one) for one in members(self._rubric)]
            places = [place for prompt in prompts for place in places_in(prompt)]
            if others := [place for place in places if place != PLACE]:
                raise ValueError(
                    f"the rubric's prompt has the place {{{others[0]}}}, and only {{{PLACE}}} is filled "
                    f"here; write {{{{{others[0]}}}}} for braces that are text"
                )
            self._has_place = bool(places)
        return self._has_place

    def _prompt(self, rubric: str | Rubric) -> str:
        if isinstance(rubric, Rubric):
            return rubric.prompt
        detail = self._client.rubric(rubric)
        if detail.unavailable:
            raise ValueError(f"the server's model cannot answer {rubric!r}: {detail.unavailable}")
        return detail.rubric.prompt


class RowRubric(TextRubric):
    """A rubric for a trainer's samples, each with the frame and the text that are found in it.

    Args:
        client: where frames are scored.
        rubric: as ``TextRubric`` takes it.
        frame_of: the frame of a sample.
        text_of: what is put in the place of ``{text}``.
    """

    def __init__(self, client: Asked, rubric: GivenRubric, *, frame_of: FrameOf, text_of: TextOf) -> None:
        super().__init__(client, rubric)
        self.frame_of, self.text_of = frame_of, text_of

    def of_rows(self, rows: Sequence[Row]) -> list[RewardItem]:
        """Asks about each sample; returns and raises what ``items`` does."""
        return self.items([self.frame_of(row) for row in rows], [self.text_of(row) for row in rows])


class StatedNull:
    """What reward functions share whose trainer has no null, so that it must be stated.

    Args:
        client: where frames are scored.
        rubric: what to ask. Its prompt may have ``{text}``.
        frame_of: the frame of a sample.
        on_null: the reward of a sample without one, or ``raise``.
        text_of: what is put in the place of ``{text}``; None: ``default_text``.

    Raises:
        ValueError: ``on_null`` is something else, or what is to be asked is no rubric.
    """

    default_text: ClassVar[TextOf]
    """What a sample's policy wrote, in the trainer's form."""

    def __init__(
        self,
        client: Asked,
        rubric: GivenRubric,
        *,
        frame_of: FrameOf,
        on_null: float | Literal["raise"],
        text_of: TextOf | None = None,
    ) -> None:
        check_null_policy(on_null, ("raise",))
        self._on_null = on_null
        self._asked = RowRubric(client, rubric, frame_of=frame_of, text_of=text_of or type(self).default_text)


def reward_or(on_null: float | str, item: RewardItem, name: str) -> float:
    """An item's reward, or the number that stands in its place.

    Args:
        on_null: that number; a word where there is none.
        item: of the server.
        name: of the sample.

    Raises:
        NullRewardError: there is neither.
    """
    if item.reward is not None:
        return item.reward
    if isinstance(on_null, str):
        raise NullRewardError.of(item, name, f"; on_null is {on_null!r}")
    return float(on_null)


def _null(message: str) -> RewardItem:
    return RewardItem(index=0, reward=None, status=ItemStatus.INVALID_FRAME, message=message)


def _tell(items: Sequence[RewardItem]) -> None:
    nulls = [item for item in items if item.reward is None]
    if nulls:
        first = nulls[0]
        log.warning(
            "%d of %d frames have no reward; the first: %s %s",
            len(nulls),
            len(items),
            first.status.value,
            first.message or "",
        )
