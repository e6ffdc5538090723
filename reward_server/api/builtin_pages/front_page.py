"""What ``/`` says: what this server is, whether it is ready, and where to go from here.

Not for the route, or for who may see it (``add.py``, ``authentication.py``).
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reward_client.errors import UnavailableError
from reward_client.version import __version__
from reward_server.service import Service

NAME = "vlm-reward"
SUMMARY = "Rewards for reinforcement learning from a vision-language model"


@dataclass(frozen=True)
class Link:
    """Where the front page leads.

    Attributes:
        path: on this server, with its slash.
        text: what is there, as a phrase. Both go into the page as they are.
    """

    path: str
    text: str


LINKS = (
    Link("/docs", "the API, to try in the browser"),
    Link("/redoc", "the API, to read"),
    Link("/rubrics", "the questions that this server knows by name"),
    Link("/info", "the model, its limits, and how rewards are identified"),
    Link("/metrics", "counters for Prometheus"),
)

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 0 auto; padding: 2rem 1.25rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0; }
dl, ul { padding: 0; margin: 1.5rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; }
dt { opacity: .7; }
dd { margin: 0; overflow-wrap: anywhere; }
li { list-style: none; display: grid; grid-template-columns: 7rem 1fr; gap: 0 1.25rem; padding: .2rem 0; }
"""

_REFRESH_S = 5
"""How often the page looks again until the server is ready."""


def as_json(service: Service, links: Sequence[Link]) -> dict[str, Any]:
    """What a program gets.

    Returns:
        ``status`` is ``ready``, or why frames cannot be scored now as ``/readyz`` names it; ``message`` is
        the sentence to it, or None.
    """
    status, message = _state(service)
    return {
        "name": NAME,
        "summary": SUMMARY,
        "version": __version__,
        "model": service.settings.model,
        "status": status,
        "message": message,
        "links": {link.path: link.text for link in links},
    }


def as_html(service: Service, links: Sequence[Link]) -> str:
    """What a browser gets. Addresses are relative, so that the page works below another path too."""
    status, message = _state(service)
    refresh = "" if message is None else f'<meta http-equiv="refresh" content="{_REFRESH_S}">\n'
    facts = {"Model": service.settings.model, "State": message or status, "Version": __version__}
    rows = "\n".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in facts.items())
    items = "\n".join(f'<li><a href="{link.path[1:]}">{link.path}</a> {link.text}</li>' for link in links)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh}<title>{NAME}</title>
<link rel="icon" href="assets/icon.svg">
<style>{_STYLE}</style>
</head>
<body>
<h1>{NAME}</h1>
<p>{SUMMARY}: <code>POST /score</code> takes frames and a question, and answers with a reward for each
frame.</p>
<dl>
{rows}
</dl>
<ul>
{items}
</ul>
</body>
</html>
"""


def _state(service: Service) -> tuple[str, str | None]:
    try:
        service.check_ready()
    except UnavailableError as error:
        return error.code or "unavailable", error.message
    return "ready", None
