"""The page of a run has what its summary has, in the same words, and pictures and tables of any readout."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from agent.reporting.findings import sentences, terminal_lines
from agent.reporting.label_tables import answer_bars, error_table, null_table
from agent.reporting.measures import labels_of
from agent.reporting.run_report import write_report
from reward_tasks.catalog import find_task
from tests.agent.reporting import fabricated
from tests.agent.reporting.fabricated import MODELS, QUESTION, labels, run_folder

CARTPOLE = find_task("CartPole-v1")

Told = dict[str, tuple[str, dict[str, Any]]]


def page_of(folder: Path) -> str:
    return unescape(write_report(folder).read_text(encoding="utf-8"))


def summary_of(folder: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return summary


def change(folder: Path, name: str, **changes: Any) -> None:
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**content, **changes}))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Page and summary of each model's run."""
    folders = {name: run_folder(tmp_path_factory.mktemp("runs") / name, MODELS[name]) for name in MODELS}
    return {name: (page_of(folder), summary_of(folder)) for name, folder in folders.items()}


@pytest.mark.parametrize("name", MODELS)
def test_a_page_has_the_sentences_of_the_summary_before_anything_else(told: Told, name: str) -> None:
    page, summary = told[name]
    block = page[page.index('<div class="result') : page.index("</div>")]
    assert page.index("<h2>") > page.index("</div>")
    assert f"Asked: {QUESTION}" in block
    for words in [*sentences(summary), *summary["warnings"]]:
        assert words in block
    assert all(line.removeprefix("Warning: ") in block for line in terminal_lines(summary))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("always_45", 'the model gives the same answer, "45", to every frame: collapsed.'),
        ("coin", 'answers "45" or "30", and which of them has nothing to do with the frame: collapsed.'),
        ("always_yes", 'the model gives the same answer, "Yes", to every frame: collapsed.'),
        ("half_null", "a reward that is missing where an episode ends teaches that ends are free."),
        ("right", '"solved" on CartPole-v1 by one arm proves nothing by itself'),
    ],
)
def test_a_fault_is_called_by_its_name_on_the_page(told: Told, name: str, words: str) -> None:
    page, summary = told[name]
    assert words in page
    assert any(words in warning for warning in summary["warnings"])
    assert (name == "right") == (len(summary["warnings"]) == 1)


def test_the_colour_tells_solved_unsolved_and_broken_apart(tmp_path: Path) -> None:
    pages = []
    for name, solved in (("solved", True), ("unsolved", False), ("broken", False)):
        folder = run_folder(tmp_path / name, fabricated.right, solved=solved)
        if name == "broken":
            change(folder, "summary.json", error="the server went away", mean_return=None, min_return=None)
        pages.append(page_of(folder))
    shown = [re.search(r'<div class="result (\w+)"><p class="headline">(\w+)', page) for page in pages]
    assert [match and match.groups() for match in shown] == [
        ("good", "Solved"),
        ("bad", "Not"),
        ("broken", "The"),
    ]


@pytest.mark.parametrize("name", ["right", "always_yes"])
def test_any_readout_has_its_reward_drawn_against_the_truth(told: Told, name: str) -> None:
    page, _ = told[name]
    assert 'alt="reward against true tilt"' in page
    assert 'alt="errors, agreement and nulls over training"' in page
    assert ('alt="true tilt against what was read"' in page) == (name == "right")


def test_every_shipped_task_has_its_page(tmp_path: Path) -> None:
    for task in ("MountainCar-v0", "Acrobot-v1"):
        page = page_of(run_folder(tmp_path / task, fabricated.always_yes, task))
        assert f"true {find_task(task).columns[0].title}" in page


def test_errors_are_told_apart_by_what_the_picture_hides() -> None:
    head, body = error_table(labels_of(labels(fabricated.right), CARTPOLE), CARTPOLE)
    assert [row[0] for row in body] == [
        "all frames",
        "true tilt within 12 deg",
        "fully visible",
        "partly outside the picture",
    ]
    assert head[-2:] == ["mean absolute error of tilt", "side right"]
    frames = [int(row[1]) for row in body]
    assert frames[0] == frames[2] + frames[3]
    assert frames[3] > 0
    task = find_task("MountainCar-v0")
    car, seen = error_table(labels_of(labels(fabricated.always_yes, task.env_id), task), task)
    assert [row[0] for row in seen] == ["all frames"]  # nothing of it is ever hidden
    assert "mean absolute error" not in " ".join(car)


def test_missing_rewards_are_counted_by_the_truth_and_at_ends() -> None:
    rows = labels(fabricated.right)
    for row in sorted(rows, key=lambda row: float(row["true_tilt_deg"]))[-len(rows) // 4 :]:
        row.update(reward=None, status="failed", message="too far")
    _, body = null_table(labels_of(rows, CARTPOLE), CARTPOLE)
    assert [row[2] for row in body[:-1]] == ["0 %"] * 6 + ["100 %"] * 2
    assert body[-1][0] == "at the end of an episode"
    assert sum(int(row[1]) for row in body[:-1]) == len(rows)


def test_the_histogram_shows_the_fifteen_most_frequent_answers_and_the_rest_together() -> None:
    rows = labels(fabricated.right)
    answers = [*(str(n) for n in range(20) for _ in range(30 - n)), None]
    bars = answer_bars(replace(labels_of(rows, CARTPOLE), answers=answers))
    assert [text for text, _, _ in bars[:2]] == ['"0"', '"1"']
    assert (len(bars), bars[-1][0]) == (16, "5 others")
    assert bars[0][1] <= 1.0
    assert bars[-1][2].startswith("65 (")
    assert answer_bars(labels_of([], CARTPOLE)) == []


def test_samples_are_apart_by_why_they_were_kept(tmp_path: Path) -> None:
    page = page_of(run_folder(tmp_path / "new", fabricated.half_null, pictures=3))
    titles = [page.index(f"<h3>{title}</h3>") for title in ("From all over the truth", "The first frames")]
    assert titles == sorted(titles)
    assert page.count("<figure>") == 9
    strata = page[titles[0] : titles[1]]
    shown = [float(value) for value in re.findall(r"true tilt ([+-][\d.]+)", strata)]
    assert len(shown) == 3
    assert shown == sorted(shown)


def test_an_older_run_has_its_page_too(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "old", fabricated.half_null, pictures=2)
    summary = summary_of(folder)
    for name in [*summary][list(summary).index("question") :]:
        del summary[name]
    (folder / "summary.json").write_text(json.dumps(summary))
    for path in (folder / "labels.jsonl", folder / "samples" / "samples.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in rows:
            for name in ("label_mass", "probabilities", "episode", "terminated", "chosen"):
                row.pop(name, None)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = page_of(folder)
    assert "of the frames have no reward" in page
    assert "<h3>From all over the truth</h3>" not in page
    assert "<h3>The first frames</h3>" in page


def test_the_cost_is_told_where_it_was_counted(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "counted", fabricated.right)
    assert "Cost:" not in page_of(folder)
    change(folder, "summary.json", usage={"images": 2000, "cached_images": 3, "engine_s": 8.25})
    page = page_of(folder)
    assert "Cost: 2,000 images, 3 of them answered from the cache; 8.2 s of the engine." in page
    assert "<b>8.2 s</b>" in page
    change(folder, "summary.json", usage=None)
    assert "Cost:" not in page_of(folder)


def test_a_page_shows_no_raw_dictionary_and_leads_to_the_files_that_there_are(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", fabricated.right)
    change(
        folder, "config.json", server={"model": "m", "limits": {"max_images": 3}}, rubric={"prompt": "<b>?"}
    )
    page = write_report(folder).read_text(encoding="utf-8")
    body = page[page.index("</style>") :]
    assert not {"{", "}"} & set(body)
    assert "<td>limits · max images</td><td>3</td>" in body
    assert "<blockquote>&lt;b&gt;?</blockquote>" in body
    assert re.findall(r'<a href="([^"]*)"', page) == [
        "labels.jsonl",
        "metrics.jsonl",
        "summary.json",
        "config.json",
    ]


def test_a_run_that_asked_no_model_says_so(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "oracle", fabricated.right)
    (folder / "labels.jsonl").write_text("")
    summary = {key: value for key, value in summary_of(folder).items() if key != "labelled_frames"}
    (folder / "summary.json").write_text(json.dumps({**summary, "arm": "oracle", "model": None}))
    page = page_of(folder)
    assert "No model was asked." in page
    assert "<h2>Reward against the truth</h2>" not in page
