"""Shows the state of a run in a terminal. Pure: a state in, what rich prints out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from agent.reporting.wording import percent, quoted
from reward_cli.watching.marks import curve, histogram
from reward_cli.watching.pictures import half_blocks
from reward_cli.watching.run_state import RunState
from reward_cli.watching.snapshot import mode_share
from reward_cli.watching.wording import Tone, description, headline, tone

RECENT_EPISODES = 10
CURVE_CHARS = 24
WIDE = 100
"""Characters of a terminal from which two truths of a frame are shown."""

FEWEST_ANSWERS = 4
TALL = 38
"""Lines of a terminal from which the newest frames are drawn."""

FRAME_CHARS, FRAME_LINES = 36, 12
STYLES: dict[Tone, str] = {"good": "bold green", "bad": "bold yellow", "broken": "bold red", "open": ""}

Line = tuple[str, str, str]
"""A figure's name, what it is, and its curve."""


def view(state: RunState, width: int, height: int, draws_frames: bool = False) -> RenderableType:
    """The whole page.

    Args:
        state: of the run.
        width: of the terminal, in characters.
        height: in lines.
        draws_frames: whether the newest frames are drawn where there is room: it takes many colours.
    """
    parts: list[RenderableType] = [Rule(_title(state), align="left", style="dim"), _progress(state, width)]
    parts += ["", _figures(state)]
    if state.warnings:
        parts += ["", *(Text(f"! {sentence}", style="yellow") for sentence in state.warnings)]
    if draws_frames and state.frames and height >= TALL:
        parts += ["", _frames(state.frames[::-1], width)]
    if state.labels:
        parts += ["", Text("latest answers", style="bold")]
        taken = len(Console(width=width).render_lines(Group(*parts))) + 2  # the table's head, and a prompt
        parts.append(_answers(state.labels[-max(FEWEST_ANSWERS, height - taken) :], width))
    return Group(*parts)


def _frames(rows: Sequence[Mapping[str, Any]], width: int) -> Table:
    """Frames side by side, the newest one first, with their answers below."""
    shown = rows[: max(1, width // FRAME_CHARS)]
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in shown:
        table.add_column(width=min(width, FRAME_CHARS) - 2, no_wrap=True, overflow="ellipsis")
    table.add_row(*(half_blocks(str(row.get("image")), FRAME_CHARS - 2, FRAME_LINES) for row in shown))
    table.add_row(*map(_below, shown))
    return table


def _below(row: Mapping[str, Any]) -> Text:
    reward = row.get("reward")
    told = str(row.get("status")) if reward is None else f"reward {reward:.3f}"
    where = f"  step {row['step']}" if row.get("step") is not None else ""
    return Text.assemble(
        (quoted(row.get("text") or ""), "bold"), f"  {told}{where}", style="red" if reward is None else ""
    )


def _title(state: RunState) -> Text:
    return Text.assemble((state.folder.name, "bold"), "  ", (description(state), "dim"))


def _progress(state: RunState, width: int) -> RenderableType:
    told, style = headline(state), STYLES[tone(state)]
    if state.summary is not None:
        return Text(told, style=style)
    chars = max(0, min(CURVE_CHARS, width - len(told) - 3))
    full = round(state.share_done * chars)
    return Text.assemble(told, "  ", ("█" * full, "green"), ("░" * (chars - full), "dim"))


def _figures(state: RunState) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    table.add_column(no_wrap=True, style="cyan")
    for name, told, line in _lines(state):
        table.add_row(name, told, line)
    return table


def _lines(state: RunState) -> Iterator[Line]:
    yield _returns("true return", state.series("charts/episodic_return"))
    if state.labels or state.series("charts/vlm_return"):
        yield _returns("VLM return", state.series("charts/vlm_return"))
    evaluations = state.series("eval/mean_return")
    if evaluations:
        yield "evaluation", f"{evaluations[-1]:.1f} true return, greedy", curve(evaluations, CURVE_CHARS)
    if not state.labels:
        yield "labels", "none so far", ""
        return
    count, rewards = len(state.labels), state.rewards
    nulls = count - len(rewards)
    causes = ", ".join(f"{status} {n}" for status, n in state.statuses.most_common() if status != "ok")
    missing = (
        f"; {nulls} without a reward ({percent(nulls / count)}: {causes})" if nulls else "; all have a reward"
    )
    yield "labels", f"{count} spent{missing}", ""
    if rewards:
        line, low, high = histogram(rewards, CURVE_CHARS)
        yield "rewards", f"{low:.2f} to {high:.2f}, mean {sum(rewards) / len(rewards):.2f}", line
    if answers := state.answers:
        ((top, often),) = answers.most_common(1)
        others = f"; {len(answers)} different" if len(answers) > 1 else "; no other"
        shares = [share for _, share in mode_share(state.labels)]
        told = f"{quoted(top)} to {percent(often / answers.total())} of frames{others}"
        yield "top answer", told, curve(shares, CURVE_CHARS)


def _returns(name: str, values: list[float]) -> Line:
    if not values:
        return name, "no episode has ended", ""
    recent = values[-RECENT_EPISODES:]
    told = f"{sum(recent) / len(recent):.1f}, last {len(recent)} of {len(values)} episodes"
    return name, told, curve(values, CURVE_CHARS)


def _answers(rows: list[dict[str, Any]], width: int) -> Table:
    truths = [key for key in rows[0] if key.startswith("true_")][: 2 if width >= WIDE else 1]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for title in ("step", "episode"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("answer", no_wrap=True, overflow="ellipsis", max_width=24)
    for title in (
        "value",
        *(f"true {key.removeprefix('true_').replace('_', ' ')}" for key in truths),
        "reward",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        reward = row.get("reward")
        table.add_row(
            str(row.get("step", "")),
            f"{row.get('episode', '')}{' end' if row.get('terminated') else ''}",
            Text(" ".join((row.get("text") or "-").split())),
            "" if row.get("value") is None else f"{row['value']:.2f}",
            *("" if row.get(key) is None else f"{row[key]:.2f}" for key in truths),
            Text(str(row.get("status")), style="red") if reward is None else f"{reward:.3f}",
        )
    return table
