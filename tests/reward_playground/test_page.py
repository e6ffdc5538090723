"""The page's routes: what they show, and that they ask through the server's own API."""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Sequence

import httpx
import pytest

from reward_client.rubric import Rubric
from reward_playground import questions
from reward_playground.form import STARTS
from reward_server.rubrics.loading import load_rubrics
from tests.application import application, never
from tests.fakes import image
from tests.reward_playground.asked_forms import BY_THE_PAGE, PICTURE, SWEEP, asked, picture, post
from tests.serving import Serving, serving
from tests.waiting import LONG_S, until

UPRIGHT, ANGLE, LEAN = (load_rubrics()[f"cartpole-{name}"] for name in ("upright", "angle", "lean"))
MANY_VALUES = "\n".join(f"name{number} = x" for number in range(17))


def words(answer: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())


def test_the_page_is_whole_and_asks_no_other_host(server: Serving) -> None:
    page = server.http.get("/playground", follow_redirects=True)
    assert page.status_code == 200
    assert str(page.url).endswith("/playground/")
    assert not re.search(r"(https?:)?//(?!www\.w3\.org)", page.text)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for asset in set(re.findall(r'"(assets/[^"]+)"', page.text)):
        found = server.http.get(f"/playground/{asset}")
        assert found.status_code == 200, asset
        assert not re.search(r"https?://(?!www\.w3\.org)|@import|url\(", found.text), asset


def test_an_answer_shows_the_reward_the_probabilities_and_both_pictures(server: Serving) -> None:
    shown = post(server, "ask", asked(UPRIGHT) | {"a.start": "cartpole-upright"})
    assert shown.status_code == 200
    assert "0.100 reward" in words(shown)
    assert "No 90.0 %" in words(shown)
    assert "as the model sees it, 32 " in words(shown)
    assert base64.b64encode(PICTURE).decode() in shown.text
    assert "&#34;rubric&#34;: &#34;cartpole-upright&#34;" in shown.text  # asked by its name


def test_a_question_is_in_the_servers_log_alone(server: Serving, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        post(server, "ask", asked(UPRIGHT))
    assert [record for record in caplog.messages if "POST /score 200" in record]
    assert not [record for record in caplog.messages if "playground.invalid" in record]


def test_an_edited_rubric_is_asked_as_a_rubric_of_ones_own(server: Serving) -> None:
    fields = asked(UPRIGHT) | {"a.start": "cartpole-upright"} | {"a.prompt": "Is it <b>up</b>? Yes or No."}
    shown = post(server, "ask", fields)
    assert server.engine.prompts == ["<image>Is it <b>up</b>? Yes or No."]
    assert "rubric of your own" in words(shown)
    assert "<b>up</b>" not in shown.text  # escaped


def test_every_readout_is_shown_where_words_are_wanted(server: Serving) -> None:
    shown = post(server, "ask", asked(ANGLE, explain="1"))
    assert "-3 degrees" in words(shown)
    assert {"expectation", "number"} <= set(re.findall(r"<th>(\w+)</th>", shown.text))


@pytest.mark.parametrize(("mass", "status"), [(0.1, "low_label_mass"), (0.9, None)])
def test_what_has_no_reward_is_no_number(server: Serving, mass: float, status: str | None) -> None:
    server.engine.label_mass = mass
    shown = post(server, "ask", asked(UPRIGHT))
    assert ('class="verdict none"' in shown.text) is (status is not None)
    assert ("no reward" in words(shown)) is (status is not None)
    assert bool(re.search(r"[0-9.]+<small>reward", shown.text)) is (status is None)
    if status:
        assert f"no reward {status}: " in words(shown)


def test_a_file_that_is_no_picture_has_no_reward_and_the_servers_message(server: Serving) -> None:
    shown = post(server, "ask", asked(UPRIGHT), picture(b"GIF89a, say"))
    assert "no reward invalid_frame: not a PNG or JPEG image" in words(shown)
    assert "as the model sees it" not in shown.text


@pytest.mark.parametrize(("null", "value"), [("black", "0.900"), ("white", "0.100"), ("mirrored", "0.100")])
def test_a_null_is_asked_in_place_of_the_picture(server: Serving, null: str, value: str) -> None:
    shown = post(server, "ask", asked(UPRIGHT, null=null))
    assert f"{value} reward" in words(shown)
    assert "A null: " in words(shown)


def test_the_wrong_question_is_asked_about_the_picture_and_without_its_values(server: Serving) -> None:
    fields = asked(load_rubrics()["image-matches-text"], null="wrong_question") | {"a.values": "text = a cat"}
    shown = post(server, "ask", fields)
    assert shown.status_code == 200
    assert "giraffe" in server.engine.prompts[-1]
    assert "0.100 reward" in words(shown)


def test_all_nulls_are_asked_at_once(server: Serving) -> None:
    shown = post(server, "nulls", asked(UPRIGHT, explain="1"))
    assert shown.text.count("<tr") == 9  # the head, the picture and seven nulls
    assert [text.strip() for text in re.findall(r'class="reward">([^<]+)', shown.text)].count("0.900") == 2
    assert len(server.engine.prompts) == 8  # none for an answer in words, which the table does not show


def test_two_questions_are_asked_over_a_sweep(server: Serving) -> None:
    shown = post(server, "sweep", asked(UPRIGHT) | asked(ANGLE, "b") | SWEEP)
    assert shown.status_code == 200
    assert len(server.engine.asked) == 10
    assert shown.text.count('<figure class="panel">') == 3
    assert "It is no audit." in words(shown)
    assert "mean error" in words(shown)


def test_frames_of_a_sweep_without_a_reward_are_counted_and_drawn_as_gaps(server: Serving) -> None:
    server.engine.label_mass = 0.1
    shown = post(server, "sweep", asked(UPRIGHT) | asked(LEAN, "b") | SWEEP)
    assert words(shown).count("5 without a reward") == 2
    assert "τ of rewards undefined" in words(shown)
    assert "no frame gave a value" in words(shown)
    assert "<circle" not in shown.text  # what was read has no reward, and is not drawn either


@pytest.mark.parametrize(
    ("route", "changes", "message"),
    [
        ("ask", {"a.labels": "1"}, "the question: readout.labels: "),
        ("ask", {"preprocess": "region", "box": "0.5, 0, 0.2, 1"}, "box: write left, top, right, bottom"),
        ("ask", {"a.prompt": "Is it {what}?"}, "variables: the prompt has places for what"),
        ("ask", {"a.values": MANY_VALUES}, "values: there are 17 names; the limit is 16"),
        ("ask", {"null": "purple"}, "null: there is no 'purple'"),
        ("sweep", {"along": "x"}, "along: CartPole-v1 has no slider 'x'"),
        ("sweep", {"frames": "65"}, "frames: '65' is no whole number from 2 to 64"),
        ("sweep", {"frames": "9" * 5000}, "is no whole number from 2 to 64"),
        ("ask", {"a.map": "weights", "a.weights": '{"\\ud800": 1, "b": 2}'}, "the question: "),
        ("sweep", {"CartPole-v1.tilt_deg": "90"}, "tilt_deg: '90' is no number from -30 to 30"),
    ],
)
def test_a_wrong_field_is_named(server: Serving, route: str, changes: dict[str, str], message: str) -> None:
    shown = post(server, route, asked(ANGLE) | asked(ANGLE, "b") | SWEEP | changes)
    assert shown.status_code == 422
    assert message in shown.text.replace("&#39;", "'")
    assert server.engine.asked == []


def test_what_no_check_of_the_page_foresaw_is_told_by_field_too(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "variables_of", lambda _text: Rubric.model_validate({"prompt": "x"}))
    shown = post(server, "ask", asked(UPRIGHT))
    assert (shown.status_code, "readout: Field required" in words(shown)) == (422, True)


def test_without_a_picture_nothing_is_asked(server: Serving) -> None:
    shown = server.http.post("/playground/ask", data=asked(UPRIGHT), headers=BY_THE_PAGE)
    assert shown.status_code == 422
    assert "picture: drop, paste or choose one" in words(shown)


def test_a_frame_of_a_task_comes_with_its_truth(server: Serving) -> None:
    frame = server.http.get("/playground/frame", params={"task": "CartPole-v1", "tilt_deg": "6"})
    assert frame.content.startswith(b"\x89PNG")
    assert frame.headers["X-Truth"] == "tilt 6 deg, cart position 0; perfect reward 0.5"
    assert server.http.get("/playground/frame", params={"task": "Go-v0"}).status_code == 422


@pytest.mark.parametrize("name", ["cartpole-lean", *STARTS])
def test_a_rubric_to_begin_with_fills_the_form(server: Serving, name: str) -> None:
    fields = server.http.get("/playground/rubric", params={"name": name, "slot": "b"})
    assert fields.status_code == 200
    assert 'name="b.prompt"' in fields.text


def test_a_rubrics_file_fills_the_form(server: Serving) -> None:
    text = "prompt: Is it on?\nreadout: {type: yes_no, 'yes': On, 'no': Off}\nreward: {type: probability}\n"
    opened = post(server, "opened", {"slot": "b"}, {"file": ("mine.yaml", text.encode())})
    assert 'name="b.yes" value="On"' in opened.text
    refused = post(server, "opened", {"slot": "b"}, {"file": ("mine.yaml", b"prompt: x")})
    assert (refused.status_code, "the file: readout: " in refused.text) == (422, True)


def statuses(answers: Sequence[httpx.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


def test_a_page_asks_as_its_visitor_and_never_beside_the_quota() -> None:
    key = "a-key-of-sixteen-characters"
    with serving(f"{key} 0.001", playground=True, max_images_per_request=4) as server:
        asks = [post(server, "ask", asked(UPRIGHT), auth=("me", key)) for _ in range(8)]
        assert set(statuses(asks)) == {200, 429}
        assert "Too many images for your key" in words(asks[-1])
        assert server.http.get("/playground/", auth=("me", key)).status_code == 200
        assert "$REWARD_API_KEY" in asks[0].text
        assert key not in asks[0].text


def test_what_nobody_waits_for_any_more_is_not_asked_further(server: Serving) -> None:
    server.engine.hanging = True
    url = "http://127.0.0.1/playground/ask"
    sent = httpx.Request("POST", url, data=asked(UPRIGHT), files=picture(), headers=BY_THE_PAGE)
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.headers.items())
    with socket.create_connection(("127.0.0.1", server.port)) as visitor:
        visitor.sendall(f"POST /playground/ask HTTP/1.1\r\n{head}\r\n".encode() + sent.read())
        until(lambda: server.service.queue.running_images == 1, LONG_S)
    until(lambda: server.service.queue.running_images == 0, LONG_S)
    server.engine.hanging = False
    assert "0.100 reward" in words(post(server, "ask", asked(UPRIGHT)))


def test_a_body_over_the_servers_limit_is_refused_with_the_limit() -> None:
    with serving(playground=True, max_body_bytes=2000) as server:
        shown = post(server, "ask", asked(UPRIGHT), picture(b"x" * 3000))
        assert shown.status_code == 413
        assert "the body is over 2000 bytes" in words(shown)


def test_pages_have_few_names_of_their_own_in_the_metrics(server: Serving) -> None:
    server.http.get("/playground", follow_redirects=True)
    for path in ("frame?task=x", "frame?task=y", "rubric?name=x", "assets/page.css", "assets/none", "none"):
        server.http.get(f"/playground/{path}")
    routes = set(re.findall(r'requests_total\{route="([^"]*)"', server.http.get("/metrics").text))
    assert {f"/playground{below}" for below in ("", "/", "/frame", "/rubric", "/assets")} <= routes
    assert not [route for route in routes if "none" in route or "page.css" in route], routes
    assert not {"/", "/frame", "/rubric", "/assets"} & routes


def test_while_the_model_loads_the_page_says_so_and_looks_again() -> None:
    from reward_server.settings import Settings

    with application(never, Settings(playground=True)) as client:
        page = client.get("/playground/")
        assert page.status_code == 503
        assert 'http-equiv="refresh"' in page.text


def test_a_picture_over_the_servers_limit_is_refused_before_it_is_decoded() -> None:
    with serving(playground=True, max_image_pixels=100) as server:
        large = picture(base64.b64decode(image(size=(20, 20))))
        assert "no reward invalid_frame" in words(post(server, "ask", asked(UPRIGHT), large))
        shown = post(server, "ask", asked(UPRIGHT, null="noise"), large)
        assert "picture: it has 20x20 pixels; the limit is 100 in all" in words(shown)
