"""The tables of the audit during training."""

from __future__ import annotations

from agent.reporting.watch_tables import NONE, nulls_table, window_table

WINDOW = {
    "step": 512,
    "frames": 512,
    "unscored_share": 0.25,
    "order": 0.987,
    "tau_b": None,
    "top_answer": "0",
    "top_answer_share": 0.5,
    "error": 1.234,
}
NOTHING_READ = {**WINDOW, "order": None, "top_answer": None, "top_answer_share": None, "error": None}
NULLS = {
    "wrong_question": {
        "frames": 4,
        "scored": 0,
        "mean_reward": None,
        "least_reward": None,
        "greatest_reward": None,
        "top_answer": None,
    },
    "black": {
        "frames": 2,
        "scored": 2,
        "mean_reward": 0.31,
        "least_reward": 0.3,
        "greatest_reward": 0.32,
        "top_answer": "No",
    },
}


def test_a_window_has_a_row_and_what_is_undefined_says_so() -> None:
    head, body = window_table({"windows": [WINDOW, NOTHING_READ]})
    assert body == [
        ["512", "512", "25.0 %", "0.99", NONE, '"0", 50.0 %', "1.23"],
        ["512", "512", "25.0 %", NONE, NONE, "", ""],
    ]
    assert {len(row) for row in body} == {len(head)}


def test_a_null_without_a_reward_has_no_number_and_no_zero() -> None:
    head, body = nulls_table({"nulls": NULLS})
    assert body == [
        ["wrong question", "4", "0", "", "", "", ""],
        ["black", "2", "2", "0.310", "0.300", "0.320", '"No"'],
    ]
    assert {len(row) for row in body} == {len(head)}
