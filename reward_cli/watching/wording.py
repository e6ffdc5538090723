"""What is said of a run that is watched, in the terminal and on the live page."""

from __future__ import annotations

from typing import Literal

from reward_cli.watching.run_state import RunState

QUIET_S = 60.0
"""A run that wrote nothing for longer is said to be quiet; the arms write many times a minute."""

Tone = Literal["good", "bad", "broken", "open"]
"""Solved, not solved, broken off, still going: as on the pages of reports."""


def description(state: RunState) -> str:
    """Task, arm, rubric and seed."""
    options = state.options
    arm = options.get("arm", "?")
    told = [str(options.get("task", "?")), f"arm {arm}"]
    if arm in {"vlm", "shuffled"}:
        told.append(f"rubric {options.get('rubric')}")
    told.append(f"seed {options.get('seed', '?')}")
    return " · ".join(told)


def tone(state: RunState) -> Tone:
    """How the run goes, or went."""
    summary = state.summary
    if summary is None:
        return "open"
    if summary.get("error") is not None:
        return "broken"
    return "good" if summary.get("solved") else "bad"


def headline(state: RunState) -> str:
    """How the run goes, or went, in a sentence."""
    summary = state.summary
    if summary is None:
        return _running(state)
    if (summary.get("error") or "").startswith("KeyboardInterrupt"):
        return f"interrupted at step {state.steps}; train --resume goes on with it"
    if summary.get("error") is not None:
        return f"stopped at step {state.steps}: {summary['error']}"
    return (
        f"finished: {'solved' if summary.get('solved') else 'NOT solved'}, mean true return "
        f"{summary['mean_return']:.1f} (lowest {summary['min_return']:.0f}) over "
        f"{summary['eval_episodes']} greedy episodes, after {summary['env_steps']} steps"
    )


def _running(state: RunState) -> str:
    rate = state.series("charts/SPS")[-1:]
    told = f"step {state.steps} of {state.planned_steps}, {100 * state.share_done:.0f} %"
    told += f", {rate[0]:.0f} steps/s" if rate else ""
    silent_s = state.silent_s()
    if silent_s > QUIET_S:
        told += f"; nothing new for {silent_s / 60:.0f} min: it may have stopped"
    return told
