"""``reward ask``. The stand-in for the model gives dark frames the first label and light ones the last."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reward_cli.asking import pictures, showing
from reward_cli.asking.pictures import PictureError, read_pictures
from reward_cli.asking.questions import QuestionError, own_question, reward_in_words
from reward_client.frames import image_file
from reward_client.schema import ItemStatus, RewardItem
from tests.paths import ROOT
from tests.reward_cli.conftest import Reward
from tests.serving import Serving, serving

OWN_RUBRIC = """\
prompt: How bright is it, from 0 to 9?
readout: {type: expectation, labels: ["0", "9"]}
reward: {type: distance, target: 9, tolerance: 9}
"""


@pytest.fixture
def dark(tmp_path: Path) -> str:
    return painted(tmp_path / "dark.png", "black")


@pytest.fixture
def light(tmp_path: Path) -> str:
    return painted(tmp_path / "light.png", "white")


def painted(path: Path, colour: str) -> str:
    Image.new("RGB", (60, 40), colour).save(path)
    return str(path)


def test_each_question_gets_its_answer_its_bars_and_its_reward(reward: Reward, dark: str, url: str) -> None:
    code, shown, _ = reward("ask", dark, "Is it dark?", "Is it night?", "--server-url", url)
    assert code == 0
    assert shown.startswith(f"{dark}\n")
    assert shown.count("Yes    ████") == 2
    assert "asked as: Is it dark? Answer yes or no." in shown
    assert "reward: P(Yes) among the labels" in shown
    assert "90.0 %" in shown
    assert shown.count("reward 0.900 (ok) · label mass 90.0 %") == 2
    assert "fake: 2 answers; 22 tokens" in shown


def test_many_pictures_get_a_line_each_in_the_order_of_their_names(
    reward: Reward, tmp_path: Path, url: str
) -> None:
    for number, colour in ((10, "white"), (2, "black"), (1, "black"), (3, "white")):
        painted(tmp_path / f"step_{number}.png", colour)
    (tmp_path / "notes.txt").write_text("no picture")
    code, shown, _ = reward("ask", str(tmp_path), "Is it dark?", "--server-url", url)
    assert code == 0
    rows = [line.split() for line in shown.splitlines() if "step_" in line]
    assert [Path(row[0]).name for row in rows] == ["step_1.png", "step_2.png", "step_3.png", "step_10.png"]
    assert [row[1] for row in rows] == ["Yes", "Yes", "No", "No"]
    assert [row[-1] for row in rows] == ["0.900", "0.900", "0.100", "0.100"]


def test_labels_of_ones_own_are_a_choice_and_the_first_is_the_reward(
    reward: Reward, light: str, url: str
) -> None:
    words = ("ask", light, "Which way?", "--labels", "Left,Right,Up", "--json", "--server-url", url)
    code, shown, _ = reward(*words)
    (asked,) = json.loads(shown)["questions"]
    (item,) = asked["items"]
    assert code == 0
    assert asked["prompt"] == "Which way? Answer Left, Right or Up."
    assert asked["readout"] == "choice"
    assert item["picture"] == light
    assert item["text"] == "Up"
    assert item["reward"] == pytest.approx(0.05)
    assert item["probabilities"] == pytest.approx({"Left": 0.05, "Right": 0.05, "Up": 0.9})


def test_a_number_is_read_from_text(reward: Reward, dark: str, url: str) -> None:
    code, shown, _ = reward("ask", dark, "How many degrees?", "--number", "--server-url", url)
    assert code == 0
    assert "answer: -3 degrees" in shown
    assert "reward -3.000 (ok) · value -3" in shown
    assert "reward: the number itself" in shown


def test_what_has_no_reward_is_shown_with_its_reason_and_code_3(
    reward: Reward, dark: str, server: Serving, url: str
) -> None:
    server.engine.label_mass, server.engine.text = 0.2, "nothing"
    code, shown, _ = reward("ask", dark, "Is it dark?", "--server-url", url)
    assert code == 3
    assert "no reward (low_label_mass): " in shown
    code, shown, _ = reward("ask", *[dark] * 4, "How many?", "--number", "--server-url", url)
    assert code == 3
    assert shown.count("unparsable") == 4


def test_a_rubric_of_the_server_asks_its_own_question(reward: Reward, dark: str, url: str) -> None:
    words = ("ask", dark, "--rubric", "cartpole-angle", "--rubric", "cartpole-lean", "--server-url", url)
    code, shown, _ = reward(*words)
    assert code == 0
    assert "cartpole-angle: What is the tilt angle of the pole in degrees?" in shown
    assert "others" in shown
    assert "reward: 1 at 0, 0 from 12 away (linear)" in shown
    assert "deg" in shown
    assert "times their weights: Left 0, Right 0, Upright 1" in shown


def test_a_rubric_takes_another_question(reward: Reward, dark: str, server: Serving, url: str) -> None:
    server.engine.prompts.clear()
    reward("ask", dark, "Is it night?", "--rubric", "cartpole-upright", "--server-url", url)
    assert [prompt.removeprefix("<image>") for prompt in server.engine.prompts] == ["Is it night?"]


def test_a_rubric_file_is_sent_whole(reward: Reward, light: str, tmp_path: Path, url: str) -> None:
    file = tmp_path / "bright.yaml"
    file.write_text(OWN_RUBRIC)
    code, shown, _ = reward("ask", light, "--rubric", str(file), "--json", "--server-url", url)
    assert code == 0
    assert json.loads(shown)["questions"][0]["items"][0]["value"] == pytest.approx(8.1)
    file.write_text(OWN_RUBRIC.replace("distance", "weights"))
    code, _, told = reward("ask", light, "--rubric", str(file), "--server-url", url)
    assert code == 1
    assert told.startswith(f"reward ask: {file}: reward.weights")


def test_an_unknown_rubric_is_told_with_the_one_that_was_meant(reward: Reward, dark: str, url: str) -> None:
    code, _, told = reward("ask", dark, "--rubric", "cartpole-uprigth", "--server-url", url)
    assert code == 1
    assert "--rubric: the server has no rubric 'cartpole-uprigth'; did you mean cartpole-upright?" in told


def test_the_model_may_answer_in_its_own_words_too(reward: Reward, dark: str, url: str) -> None:
    _, shown, _ = reward("ask", dark, "--rubric", "cartpole-angle", "--explain", "--server-url", url)
    assert "in its own words: -3 degrees" in shown
    assert "read as number: -3" in shown


def test_without_a_server_it_says_how_to_start_one(reward: Reward, dark: str) -> None:
    with socket.socket() as silent:  # it holds the port, and does not listen
        silent.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{silent.getsockname()[1]}"
        code, shown, told = reward("ask", dark, "Is it dark?", "--server-url", nobody)
    assert (code, shown) == (1, "")
    assert f"no reward server answers at {nobody}" in told
    assert "reward serve --model " in told
    assert "--server-url" in told


def test_a_key_comes_from_the_environment(reward: Reward, dark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(keys="a-key-for-this-test") as guarded:
        words = ("ask", dark, "Is it dark?", "--server-url", f"http://127.0.0.1:{guarded.port}")
        code, _, told = reward(*words)
        assert code == 1
        assert "401" in told
        monkeypatch.setenv("REWARD_API_KEY", "a-key-for-this-test")
        assert reward(*words)[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("Is it dark?",), 2, "give a picture"),
        ((".",), 2, "give a question"),
        ((".", "Is it?", "--labels", "one"), 2, "at least two different labels"),
        ((".", "Is it?", "--frames", "0"), 2, "must be a whole number of at least 1"),
        ((".", "Is it?", "--labels", "a,b", "--number"), 2, "not allowed with"),
        ((".", "--rubric", "x", "--number"), 2, "not for --rubric"),
        (("frme.png", "Is it?"), 1, "there is no file or folder frme.png"),
        (("tests/reward_cli", "Is it?"), 1, "the folder tests/reward_cli holds no pictures"),
        (("pyproject.toml", "Is it?"), 1, "pyproject.toml is no picture or film that can be read"),
        (("docs/frame.png", "Is it\x00?"), 1, "prompt: "),
        (("docs/frame.png", "Is it?", "--server-url", "not an address"), 1, "--server-url: "),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(
    reward: Reward, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, sentence: str
) -> None:
    monkeypatch.chdir(ROOT)
    ended, shown, told = reward("ask", *words)
    assert (ended, shown) == (code, "")
    assert sentence in told


def test_a_film_gives_frames_spread_over_it(tmp_path: Path) -> None:
    import imageio_ffmpeg

    film = tmp_path / "film.mp4"
    writer = imageio_ffmpeg.write_frames(str(film), (64, 64), fps=10)
    writer.send(None)
    for level in range(0, 250, 10):
        writer.send(np.full((64, 64, 3), level, dtype=np.uint8))
    writer.close()
    found = read_pictures([str(film)], 3)
    assert [one.name for one in found] == [f"{film} at {time_s} s" for time_s in ("0.00", "1.20", "2.40")]
    assert [float(np.asarray(one.frame).mean()) for one in found] == pytest.approx([0, 120, 240], abs=5)
    film.write_bytes(b"no film")
    with pytest.raises(PictureError, match="cannot be read"):
        read_pictures([str(film)], 3)


def test_an_animated_picture_gives_frames_and_a_still_one_itself(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), (level, 0, 0)) for level in (0, 60, 120, 180, 240)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    frames[2].save(tmp_path / "still.webp", lossless=True)
    found = read_pictures([str(tmp_path)], 2)
    assert [Path(one.name).name for one in found] == ["moves.gif #1", "moves.gif #5", "still.webp"]
    assert [image_file(one.frame)[:4] for one in found] == [b"\x89PNG"] * 3


def test_png_and_jpeg_are_sent_as_they_are(tmp_path: Path, dark: str) -> None:
    assert read_pictures([dark], 1)[0].frame == Path(dark).read_bytes()


def test_a_word_is_a_picture_or_a_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not pictures.is_picture_name("Is it?")
    Path("Is it?").touch()
    assert pictures.is_picture_name("Is it?")
    assert not pictures.is_picture_name("long " * 2000)


def test_how_to_answer_is_added_only_where_the_question_does_not_say_it() -> None:
    assert own_question("Left or right?", ["left", "right"], number=False).rubric.prompt == "Left or right?"
    assert own_question("Which number?", None, number=True).rubric.prompt == "Which number?"
    assert own_question("How many?", None, number=True).rubric.prompt.endswith("Answer with a number only.")
    assert reward_in_words(own_question("Which?", ["a", "b"], number=False)) == "P(a), the first label's"
    with pytest.raises(QuestionError, match=r"readout\.labels"):
        own_question("Which?", ["a", "x" * 100], number=False)


def test_an_answer_without_text_is_its_most_probable_label() -> None:
    item = RewardItem(index=0, reward=0.5, status=ItemStatus.OK, probabilities={"a": 0.2, "b": 0.8})
    assert showing.answer_of(item) == "b"
    assert showing.answer_of(item.model_copy(update={"probabilities": None})) == "-"
