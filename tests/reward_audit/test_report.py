"""The page of an audit: the verdict first, then a picture that tells it, and every answer verbatim."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reward_audit import findings
from reward_audit.config import AuditConfig
from reward_audit.reporting.audit_report import MEANINGS, READ_BUT_WRONG, TONES, verdict_blocks, write_report
from reward_audit.reporting.plots import _stripes, plot_reading, plot_spread
from reward_audit.rows import AUDIT_HTML, AUDIT_JSON, ROWS
from tests.reward_audit.readers import FakeServer
from tests.reward_audit.test_audit import done

TRUTH = {"name": "tilt_deg", "title": "tilt", "unit": "deg"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit's folder."""
    path = tmp_path_factory.mktemp("audits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "PERMUTATIONS", 19)
        done(path, FakeServer("45_or_30"))
    return AuditConfig(runs=path).folder


def shown(folder: Path) -> str:
    return (folder / AUDIT_HTML).read_text(encoding="utf-8")


def test_the_verdict_and_its_reason_stand_on_top_in_words_and_colour(folder: Path) -> None:
    page, report = shown(folder), json.loads((folder / AUDIT_JSON).read_text())
    first_picture = page.index("<img")
    assert page.index(report["verdict"]["ranking"].upper()) < first_picture
    assert page.index(MEANINGS[report["verdict"]["ranking"]]) < first_picture
    for key in ("ranking", "values"):
        assert page.index(report["judgements"][key]["rule"][1:]) < first_picture
    assert page[:first_picture].count('class="result broken"') == 2
    assert "Order of the rewards: COLLAPSED" in page


@pytest.mark.parametrize(
    ("name", "tone", "marked"),
    [
        ("trustworthy", "good", 0),
        ("usable with care", "good", 1),
        ("noisy", "broken", 0),
        ("cannot tell", "bad", 0),
    ],
)
def test_a_verdict_has_the_colour_of_what_follows_from_it(
    folder: Path, tmp_path: Path, name: str, tone: str, marked: int
) -> None:
    folder = Path(shutil.copytree(folder, tmp_path / "audit"))
    report = json.loads((folder / AUDIT_JSON).read_text())
    report["judgements"]["values"] |= {"name": name, "rule": "its rule"}
    (folder / AUDIT_JSON).write_text(json.dumps(report))
    write_report(folder)
    (block,) = re.findall(
        rf'<div class="result {tone}"><p class="headline">Values: {name.upper()}</p>.*?</div>',
        shown(folder),
        re.S,
    )
    assert block.count("<li>Its rule.</li>") == marked
    assert block.count("<p>Its rule.</p>") == 1 - marked


def test_every_name_of_a_verdict_is_explained(folder: Path) -> None:
    from typing import get_args

    from reward_audit.judging.evidence import Name

    assert set(MEANINGS) == set(get_args(Name))
    assert set(TONES) < set(MEANINGS)


def test_the_page_is_one_file_with_its_pictures_and_tables(folder: Path) -> None:
    page = shown(folder)
    sources = re.findall(r'<img [^>]*src="([^"]*)"', page)
    assert len(sources) == 2 + 12 + 13  # two plots, the sweep's frames, one of each other condition
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    for words in ("shuffled", "wrong question", "mirrored", "recoloured", "giraffes", "a 45_or_30 reader"):
        assert words in page


def test_the_page_leads_to_files_that_are_there_and_to_no_folder(folder: Path) -> None:
    links = re.findall(r'<a href="([^"]*)"', shown(folder))
    assert {AUDIT_JSON, ROWS} <= set(links)
    assert all((folder / link).is_file() for link in links)


def test_an_answer_is_text_whatever_it_holds(folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folder, tmp_path / "audit"))
    rows = [json.loads(line) for line in (folder / ROWS).read_text().splitlines()]
    hostile = '<script>alert("$x$")</script>' + "w" * 300
    (folder / ROWS).write_text("".join(json.dumps({**row, "text": hostile}) + "\n" for row in rows))
    write_report(folder)
    page = shown(folder)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def rows(pairs: Sequence[tuple[float, float | None]]) -> list[dict[str, Any]]:
    return [
        {
            "true_tilt_deg": true,
            "oracle": 0.5,
            "value": read,
            "reward": None if read is None else 0.25,
            "text": None if read is None else f"{read:.0f}",
        }
        for true, read in pairs
    ]


def test_the_picture_names_the_answers_that_are_said_to_everything() -> None:
    figure = plot_reading(rows([(float(n), 45.0 if n % 2 else 30.0) for n in range(-10, 11)]), TRUTH)
    assert figure is not None
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert '"30": 52 % of all answers' in texts
    assert '"45": 48 % of all answers' in texts
    varied = plot_reading(rows([(n / 2, float(n)) for n in range(-10, 11)]), TRUTH)
    assert varied is not None
    assert len(varied.axes[0].texts) == 0
    level = plot_reading(rows([(0.1 * n % 0.3, 0.0) for n in range(9)] + [(9.0, 9.0), (-9.0, -9.0)]), TRUTH)
    assert level is not None
    assert len(level.axes[0].texts) == 0  # a frequent answer to frames that are alike is no stripe


def test_the_picture_counts_every_frame_that_was_read_once() -> None:
    figure = plot_reading(rows([(1.0, 2.0)] * 5 + [(3.0, 3.0), (4.0, None)]), TRUTH)
    assert figure is not None
    (dots,) = figure.axes[0].collections
    assert np.asarray(dots.get_array()).sum() == 6
    assert "14 % of the frames have no reward" in figure.axes[0].get_title(loc="left")


def test_rewards_are_drawn_where_no_value_is_read() -> None:
    figure = plot_reading(rows([(1.0, 2.0), (2.0, 3.0)]), None)
    assert figure is not None
    assert figure.axes[0].get_xlabel() == "true reward"


def test_nothing_is_drawn_of_nothing() -> None:
    nothing = rows([(1.0, None)])
    assert plot_reading(nothing, TRUTH) is None
    assert plot_spread(nothing, TRUTH) is None


def test_a_right_reading_with_a_wrong_order_says_that_the_question_is_wrong() -> None:
    judged = {"ranking": "ungrounded", "values": "trustworthy"}
    blocks = "".join(verdict_blocks({key: {"name": name, "rule": "so"} for key, name in judged.items()}))
    assert blocks.count(READ_BUT_WRONG) == 1
    assert READ_BUT_WRONG not in "".join(
        verdict_blocks({key: {"name": "ungrounded", "rule": "so"} for key in judged})
    )


def test_answers_that_are_read_alike_share_their_words() -> None:
    true = np.linspace(-10.0, 10.0, 40)
    answers = ["Left", "Right"] * 20
    ((words, height),) = _stripes(answers, true, np.zeros(40))
    assert words == '"Left": 50 % of all answers; "Right": 50 % of all answers'
    assert height == 0.0
