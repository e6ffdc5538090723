"""The page in Chromium, on a desktop and on a phone: what a visitor does works, and stays on this host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reward_server.rubrics.loading import load_rubrics
from tests.browser import DESKTOP, PHONE, Page, browser, needs_chromium
from tests.reward_playground.asked_forms import PICTURE, asked
from tests.serving import Serving, serving

pytestmark = [pytest.mark.slow, needs_chromium]

ASK = "#question .main[data-post='ask']"
UPRIGHT = load_rubrics()["cartpole-upright"]
SHOWN = "document.getElementById('picture').naturalWidth"
CUT = """[...document.querySelectorAll('h1, h2, h3, p, button, label, td, th, pre, select, img')]
    .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML)"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A tab."""
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(autouse=True)
def stays_at_home(page: Page, server: Serving) -> Iterator[None]:
    """No request leaves for another host, and nothing fails in the page's scripts."""
    page.urls.clear()
    page.errors.clear()
    yield
    own = (f"http://127.0.0.1:{server.port}/", "data:image/", "blob:http://127.0.0.1:")
    assert [url[:80] for url in page.urls if not url.startswith(own)] == []
    assert page.urls
    assert page.errors == []


@pytest.fixture
def dropped(tmp_path: Path) -> Path:
    """A picture's file, 60 pixels wide; a task's frame is 600."""
    file = tmp_path / "mine.png"
    file.write_bytes(PICTURE)
    return file


def visit(page: Page, server: Serving, width: int) -> None:
    page.open(f"http://127.0.0.1:{server.port}/playground", width)
    page.until(f"{SHOWN} === 600")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_a_picture_that_is_dropped_and_asked_about_has_a_reward(
    page: Page, server: Serving, dropped: Path, width: int
) -> None:
    visit(page, server, width)
    page.drop("#drop", dropped)
    page.until(f"{SHOWN} === 60")
    page.click(ASK)
    page.until("document.querySelector('#answer .verdict')")
    assert page.run("document.querySelector('#answer .big').textContent") == "0.100reward"
    assert [image.size for image in server.engine.asked] == [(32, 32)] * 2  # the words are asked for too
    assert page.run("[...document.querySelectorAll('#answer img')].every(e => e.naturalWidth > 0)")
    links = "[...document.querySelectorAll('#answer a[download]')].map(e => e.href.slice(0, 15))"
    assert page.run(links) == ["data:image/png;"] * 2
    page.click("[data-post='nulls']")
    page.until("document.querySelectorAll('#nulls tbody tr').length === 8")
    page.click("[data-post='sweep']")
    page.until("document.querySelectorAll('#sweep svg circle').length === 2 * 2 * 17")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.run(CUT) == []


def test_a_picture_can_be_pasted(page: Page, server: Serving) -> None:
    visit(page, server, DESKTOP)
    page.run(
        "fetch('frame?task=Pendulum-v1').then(r => r.blob()).then(blob => {"
        "const held = new DataTransfer();"
        "held.items.add(new File([blob], 'pasted.png', {type: 'image/png'}));"
        "dispatchEvent(new ClipboardEvent('paste', {clipboardData: held, cancelable: true})); })"
    )
    page.until("document.getElementById('picture-told').textContent.startsWith('pasted.png')")
    page.until(f"{SHOWN} === 500")


def test_sliders_place_a_frame_and_ask_where_that_is_wanted(page: Page, server: Serving) -> None:
    visit(page, server, DESKTOP)
    told = "document.getElementById('picture-told').textContent"
    page.run("document.getElementById('live').click()")
    page.choose("[name='CartPole-v1.tilt_deg']", -20, "input")
    page.until(f"{told}.startsWith('true: tilt -20 deg')")
    page.until("document.querySelector('#answer .verdict')")
    page.choose("#task", "Pendulum-v1", "change")
    page.until(f"{SHOWN} === 500")
    assert page.run("[...document.getElementById('along').options].map(o => o.value)") == ["tilt_deg"]


def test_a_question_of_ones_own_is_written_in_the_form(page: Page, server: Serving) -> None:
    visit(page, server, DESKTOP)
    page.choose("[name='a.start']", "own:one of several words", "change")
    page.until("document.querySelector('[name=\"a.readout\"]').value === 'choice'")
    hidden = "!document.querySelector('[name=\"a.{}\"]').checkVisibility()"
    assert page.run(hidden.format("yes"))
    assert not page.run(hidden.format("weights"))
    assert page.run("document.querySelector('[name=\"a.map\"]').value") == "weights"
    page.run("document.querySelector('[name=\"a.labels\"]').value = 'Left, {a} <i>b</i>, Upright'")
    page.run("document.querySelector('[name=\"a.weights\"]').value = 'Left=0, {a} <i>b</i>=1, Upright=1'")
    page.click(ASK)
    page.until("document.querySelector('#answer .verdict')")
    assert page.run("document.querySelectorAll('#answer i').length") == 0
    page.click("[data-tab='2']")
    page.until("document.querySelector('[data-panel=\"2\"]').checkVisibility()")
    assert "<i>b</i>" in page.run("document.querySelector('[data-panel=\"2\"] code').textContent")


def test_what_the_server_refuses_is_told_where_the_answer_would_be(page: Page, server: Serving) -> None:
    visit(page, server, PHONE)
    page.run("document.querySelector('[name=\"a.prompt\"]').value = ''")
    page.click(ASK)
    page.until("document.querySelector('#answer [data-status=\"422\"]')")
    assert "prompt" in page.run("document.getElementById('answer').textContent")
    page.errors.clear()  # the browser notes an answer with an error's status


def test_a_browser_enters_with_a_key_as_the_password(page: Page, server: Serving) -> None:
    key = "a-key-of-sixteen-characters"
    with serving(key, playground=True) as guarded:
        page.open(f"http://me:{key}@127.0.0.1:{guarded.port}/playground/", DESKTOP)
        page.until(f"{SHOWN} === 600")
        page.click(ASK)
        page.until("document.querySelector('#answer .verdict')")
        own = f"127.0.0.1:{guarded.port}/"
        assert all(own in url or url.startswith(("data:", "blob:")) for url in page.urls)
        page.urls[:] = [f"http://127.0.0.1:{server.port}/"]


def test_over_plain_http_the_page_asks_and_a_page_of_another_site_does_not(
    page: Page, server: Serving
) -> None:
    other, host = (f"http://{name}.test:{server.port}" for name in ("other", "gpu"))
    page.open(f"{host}/playground", DESKTOP)
    page.until(f"{SHOWN} === 600")
    page.click(ASK)
    page.until("document.querySelector('#answer .verdict')")
    assert server.engine.asked
    server.engine.asked.clear()
    page.open(f"{other}/livez", DESKTOP)  # a page without a policy of its own
    sent = (
        f"(() => {{ const body = new FormData(); const fields = {json.dumps(asked(UPRIGHT))};"
        "for (const name in fields) body.set(name, fields[name]);"
        f"body.set('picture', new Blob([Uint8Array.from({list(PICTURE)})]), 'picture');"
        f"return fetch('{host}/playground/ask', {{method: 'POST', mode: %s, headers: %s, body}})"
        ".then(answer => answer.type, error => 'not sent'); })()"
    )
    assert page.run(sent % ("'no-cors'", "{}")) == "opaque"
    assert page.run(sent % ("'cors'", "{'X-Playground': '1'}")) == "not sent"
    assert server.engine.asked == []
    page.errors.clear()  # the browser notes what it was refused
    page.urls[:] = [f"http://127.0.0.1:{server.port}/"]
