"""Shows the state of a run in a terminal. Pure: a state in, what rich prints out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from agent.reporting.wording import percent, quoted
from reward_cli.watching.marks import curve, histogram
from reward_cli.watching.run_state import RunState

RECENT_EPISODES = 10
CURVE_CHARS = 24
WIDE = 100
"""Characters of a terminal from which two truths of a frame are shown."""

FEWEST_ANSWERS = 4
QUIET_S = 60.0
"""A run that wrote nothing for longer is said to be quiet; the arms write many times a minute."""

Line = tuple[str, str, str]
"""A figure's name, what it is, and its curve."""


def view(state: RunState, width: int, height: int) -> RenderableType:
    """The whole page.

    Args:
        state: of the run.
        width: of the terminal, in characters.
        height: in lines.
    """
    parts: list[RenderableType] = [Rule(_title(state), align="left", style="dim"), _progress(state, width)]
    parts += ["", _figures(state)]
    if state.warnings:
        parts += ["", *(Text(f"! {sentence}", style="yellow") for sentence in state.warnings)]
    if state.labels:
        parts += ["", Text("latest answers", style="bold")]
        taken = len(Console(width=width).render_lines(Group(*parts))) + 2  # the table's head, and a prompt
        parts.append(_answers(state.labels[-max(FEWEST_ANSWERS, height - taken) :], width))
    return Group(*parts)


def _title(state: RunState) -> Text:
    options = state.options
    arm = options.get("arm", "?")
    told = [str(options.get("task", "?")), f"arm {arm}"]
    if arm in {"vlm", "shuffled"}:
        told.append(f"rubric {options.get('rubric')}")
    told.append(f"seed {options.get('seed', '?')}")
    return Text.assemble((state.folder.name, "bold"), "  ", (" · ".join(told), "dim"))


def _progress(state: RunState, width: int) -> RenderableType:
    summary = state.summary
    if summary is None:
        return _running(state, width)
    if (summary.get("error") or "").startswith("KeyboardInterrupt"):
        return Text(f"interrupted at step {state.steps}; train --resume goes on with it", style="bold")
    if summary.get("error") is not None:
        return Text(f"stopped at step {state.steps}: {summary['error']}", style="bold red")
    solved = bool(summary.get("solved"))
    return Text(
        f"finished: {'solved' if solved else 'NOT solved'}, mean true return "
        f"{summary['mean_return']:.1f} (lowest {summary['min_return']:.0f}) over "
        f"{summary['eval_episodes']} greedy episodes, after {summary['env_steps']} steps",
        style="bold green" if solved else "bold",
    )


def _running(state: RunState, width: int) -> Text:
    total = int(state.options.get("env_steps") or 0)
    share = min(1.0, state.steps / total) if total else 0.0
    rate = state.series("charts/SPS")[-1:]
    told = f"step {state.steps} of {total}, {100 * share:.0f} %"
    told += f", {rate[0]:.0f} steps/s" if rate else ""
    silent_s = state.silent_s()
    if silent_s > QUIET_S:
        told += f"; nothing new for {silent_s / 60:.0f} min: it may have stopped"
    chars = max(0, min(CURVE_CHARS, width - len(told) - 3))
    full = round(share * chars)
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
        yield "top answer", f"{quoted(top)} to {percent(often / answers.total())} of frames{others}", ""


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
