"""What was run, and the files that a run left, on its page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from agent.recording.provenance import described, origins
from agent.recording.run_folder import ANIMATION, VIDEO, linked
from reward_report import html

TOLD_ABOVE = frozenset(
    {"audit", "null_reasons", "question", "readings", "under_way", "usage", "warnings", "watch"}
)
"""Of a summary: what other parts of the page say."""


def files(folder: Path, summary: Mapping[str, Any]) -> Markup:
    """Links to the files that there are."""
    return html.links([(words, name) for name, words in linked(folder, summary).items()])


def film(folder: Path) -> list[Markup]:
    """The animation of the final policy, and where the whole film is; nothing where it was not filmed."""
    path = folder / ANIMATION
    if not path.is_file():
        return []
    return [
        html.animation(path, "the final policy", "A greedy episode; some frames are left out."),
        html.links([(f"{VIDEO} has all frames", VIDEO)]),
    ]


def setting(summary: Mapping[str, Any], config: Mapping[str, Any]) -> list[Markup]:
    """The summary's other values, the question with its rubric, the options, and the model's server."""
    rubric, server = config.get("rubric"), config.get("server")
    code = "; then ".join(described(origin) for origin in origins(config))
    return [
        html.paragraph(f"Code: {code}."),
        *rubric_parts(rubric),
        html.folded("Summary", html.record({k: v for k, v in summary.items() if k not in TOLD_ABOVE})),
        html.folded("Options", html.record(config["options"])),
        *([html.folded("Reward server", html.record(server))] if server else []),
    ]


def rubric_parts(rubric: Mapping[str, Any] | None) -> list[Markup]:
    """A rubric of the run's own: its question verbatim, and the rest as a table; nothing for None."""
    if not rubric:
        return []
    rest = {key: value for key, value in rubric.items() if key != "prompt" and value is not None}
    return [
        html.paragraph("The run's own rubric asks:"),
        html.quote(str(rubric.get("prompt", ""))),
        html.folded("Rubric", html.record(rest)),
    ]
