"""Shows answers in a terminal: bars for a few pictures, a table for many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reward_cli.asking.pictures import Picture
from reward_cli.asking.questions import Question, reward_in_words
from reward_client.schema import RewardItem, ScoreResponse

MANY_PICTURES = 4
"""From so many on, each picture gets a line in place of bars."""

SHOWN_LABELS = 5
"""Bars of an answer; the other labels share one line."""

BAR_CHARS = 40
ANSWER_CHARS = 20
SHORTEST_NAME = 12

_COLUMNS = ("answer", "probability", "label mass", "value", "reward")
_NUMBERS = (2, 3, 4)
_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Answered:
    """A question and what the server said to it, one item per picture."""

    question: Question
    response: ScoreResponse


def show(pictures: Sequence[Picture], answered: Sequence[Answered], console: Console | None = None) -> None:
    """Prints the answers.

    Args:
        pictures: that were asked about.
        answered: every question, its items in the pictures' order.
        console: to print on; default: the terminal.
    """
    console = console or Console(highlight=False)
    if len(pictures) < MANY_PICTURES:
        for place, picture in enumerate(pictures):
            console.print(Text(picture.name, style="bold"))
            for one in answered:
                console.print(_indented(_in_full(one, one.response.data[place], console.width - 4)))
    else:
        for one in answered:
            console.print(_heading(one.question))
            console.print(_indented(_in_lines(pictures, one.response.data, console.width - 2)))
            console.print()
    console.print(Text(_cost([one.response for one in answered]), style="dim"))


def answer_of(item: RewardItem) -> str:
    """The answer in a word: the text, or the most probable label; a dash where there is none."""
    if item.text:
        return " ".join(item.text.split())
    if item.probabilities:
        return max(item.probabilities, key=item.probabilities.__getitem__)
    return "-"


def bar(share: float, chars: int) -> str:
    """A share as a bar, to an eighth of a character.

    >>> bar(0.5, 4), bar(0.28, 4)
    ('██  ', '█▏  ')
    """
    eighths = round(share * chars * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(chars)


def _cost(responses: Sequence[ScoreResponse]) -> str:
    asked = sum(one.usage.images for one in responses)
    cached = sum(one.usage.cached_images for one in responses)
    tokens = sum(one.usage.prompt_tokens + one.usage.completion_tokens for one in responses)
    engine_s = sum(one.timings.engine_s for one in responses)
    spent = f"{tokens} tokens, {engine_s:.2f} s in the engine"
    from_cache = f", {cached} from the server's cache" if cached else ""
    answers = "1 answer" if asked == 1 else f"{asked} answers"
    return f"{responses[0].model}: {answers}{from_cache}; {spent}"


def _indented(shown: RenderableType) -> RenderableType:
    return Padding(shown, (0, 0, 0, 2), expand=False)


def _heading(question: Question) -> RenderableType:
    asked = question.rubric.prompt
    lines = [Text(question.title, style="bold cyan")]
    if question.is_own and asked != question.title:
        lines.append(Text(f"  asked as: {asked}", style="dim"))
    lines.append(Text(f"  reward: {reward_in_words(question)}", style="dim"))
    return Group(*lines)


def _in_full(answered: Answered, item: RewardItem, width: int) -> RenderableType:
    parts: list[RenderableType] = [_heading(answered.question)]
    if item.probabilities:
        parts.append(_indented(_bars(item.probabilities, width)))
    elif item.text is not None:
        parts.append(_indented(Text(f"answer: {answer_of(item)}")))
    parts += map(_indented, (Text.assemble(*_facts(item)), *_explained(item)))
    return Group(*parts, "")


def _bars(probabilities: dict[str, float], width: int) -> RenderableType:
    likely = sorted(probabilities.items(), key=lambda one: -one[1])
    chars = max(8, min(BAR_CHARS, width - 2 - max(len(label) for label, _ in likely[:SHOWN_LABELS]) - 12))
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, min_width=6)
    table.add_column(no_wrap=True, style="green", width=chars)
    table.add_column(justify="right", no_wrap=True)
    for place, (label, probability) in enumerate(likely[:SHOWN_LABELS]):
        style = "bold" if place == 0 else "default"
        table.add_row(
            Text(label, style=style), bar(probability, chars), Text(_percent(probability), style=style)
        )
    if rest := likely[SHOWN_LABELS:]:
        share = sum(probability for _, probability in rest)
        table.add_row(
            Text("others", style="dim"),
            bar(share, chars),
            Text(f"{_percent(share)} ({len(rest)} labels)", style="dim"),
        )
    return table


def _facts(item: RewardItem) -> Iterator[str | tuple[str, str]]:
    """Label mass, reward, value and status in one line."""
    if item.reward is None:
        yield "no reward", "bold red"
        yield f" ({item.status.value})"
        if item.message:
            yield f": {item.message}"
    else:
        yield f"reward {item.reward:.3f}", "bold green"
        yield f" ({item.status.value})"
    if item.value is not None and item.unit != "probability":
        yield f" · value {_value(item)}"
    if item.label_mass is not None:
        yield f" · label mass {_percent(item.label_mass)}"


def _explained(item: RewardItem) -> Iterator[RenderableType]:
    if item.explanation is None:
        return
    cut = " (cut)" if item.explanation.truncated else ""
    yield Text(f"in its own words{cut}: {' '.join(item.explanation.text.split())}")
    for name, reading in item.explanation.readouts.items():
        read = reading.label if reading.value is None else f"{reading.value:.4g}"
        told = read if read is not None else f"nothing: {reading.message or 'it has no value of its own'}"
        yield Text(f"  read as {name}: {told}", style="dim")


def _in_lines(pictures: Sequence[Picture], items: Sequence[RewardItem], width: int) -> RenderableType:
    rows = [_cells(item) for item in items]
    kept = [place for place in range(len(_COLUMNS)) if any(row[place].plain for row in rows)]
    taken = sum(max(len(_COLUMNS[k]), *(row[k].cell_len for row in rows)) + 2 for k in kept)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("picture", no_wrap=True)
    for place in kept:
        table.add_column(
            _COLUMNS[place],
            justify="right" if place in _NUMBERS else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    for picture, row in zip(pictures, rows, strict=True):
        table.add_row(Text(_end_of(picture.name, max(SHORTEST_NAME, width - taken))), *(row[k] for k in kept))
    return table


def _cells(item: RewardItem) -> list[Text]:
    """One picture's line, without its name; empty where there is nothing to say."""
    top = max(item.probabilities.values()) if item.probabilities else None
    answer = answer_of(item)
    is_more = item.value is not None and item.unit != "probability"
    return [
        Text(answer if len(answer) <= ANSWER_CHARS else f"{answer[: ANSWER_CHARS - 1]}…"),
        Text() if top is None else Text.assemble((bar(top, 8), "green"), f" {_percent(top):>7}"),
        Text("" if item.label_mass is None else _percent(item.label_mass)),
        Text(_value(item) if is_more else ""),
        Text(item.status.value, style="red") if item.reward is None else Text(f"{item.reward:.3f}"),
    ]


def _end_of(name: str, chars: int) -> str:
    """The end of a name, which tells files apart.

    >>> _end_of("frames/episode_1.png", 10)
    '…ode_1.png'
    """
    return name if len(name) <= chars else f"…{name[len(name) - chars + 1 :]}"


def _value(item: RewardItem) -> str:
    return f"{item.value:.4g}{'' if item.unit is None else f' {item.unit}'}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
