"""The page in Chromium. Any message in the console and any request to another host fails the test."""

import contextlib
import shutil
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from eccentric.explorer.guard import Guard
from eccentric.explorer.server import make_app
from eccentric.explorer.serving import open_port
from tests.explorer.conftest import MARKUP

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]
PIXELS = "() => document.getElementById('image').toDataURL()"


@contextlib.contextmanager
def served(scene) -> Iterator[str]:
    with contextlib.closing(open_port("127.0.0.1", 0)) as listening:
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(Guard(make_app(scene), {host}), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://{host}/"
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture(scope="module")
def chromium():
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """A function that opens an address; what went wrong in the page is told at the end."""
    problems: list[str] = []
    pages = []

    def opened(address, **options):
        page = chromium.new_page(**options)
        page.set_default_timeout(20_000)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        host = address.split("/")[2]
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((f"http://{host}/", "blob:")) else problems.append(request.url)
            ),
        )
        page.goto(address)
        page.wait_for_selector("main[aria-busy=false]")
        page.wait_for_selector("#test button")  # the neighbours come last
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert problems == []


@pytest.fixture(scope="module")
def image_address(images):
    with served(images) as address:
        yield address


@pytest.fixture(scope="module")
def table_address(table):
    with served(table) as address:
        yield address


def until_other(page, before, script=PIXELS):
    page.wait_for_function(f"before => ({script})() !== before", arg=before)
    return page.evaluate(script)


def test_a_dragged_slider_changes_the_image_and_undo_brings_it_back(open_page, image_address):
    page = open_page(image_address)
    first = page.evaluate(PIXELS)
    box = page.locator("#slider-0").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.95, middle, steps=8)
    until_other(page, first)  # while the button is down
    page.mouse.up()
    assert float(page.locator("#slider-0").input_value()) > 2
    page.click("#undo")
    page.wait_for_function(f"first => ({PIXELS})() === first", arg=first)
    assert page.locator("#slider-0").input_value() == "0"
    assert page.locator("#undo").is_disabled()


def test_arrow_keys_move_a_focused_slider_and_reset_clears_it(open_page, image_address):
    page = open_page(image_address)
    page.focus("#slider-1")
    page.keyboard.press("ArrowRight")
    assert page.locator("#slider-1").input_value() == "0.01"
    page.click("#reset")
    assert page.locator("#slider-1").input_value() == "0"


def test_a_click_on_a_point_loads_its_item(open_page, image_address, images):
    page = open_page(image_address)
    x, y, _ = images.test_states[0].tolist()
    place = page.evaluate(
        """([x, y]) => {
            const box = document.getElementById('scatter').getBoundingClientRect();
            return [box.left, box.top, box.width, box.height];
        }""",
        [0, 0],
    )
    far = min(max(1.0, float(abs(images.test_states[:, :2]).max())), 6) * 1.05
    page.mouse.click(place[0] + (x / far + 1) * place[2] / 2, place[1] + (1 - y / far) * place[3] / 2)
    page.wait_for_function("() => document.getElementById('slider-0').value !== '0'")
    assert float(page.locator("#slider-0").input_value()) == pytest.approx(x, abs=0.3)


def test_an_item_can_be_loaded_by_its_number_and_the_address_keeps_it(open_page, image_address, images):
    page = open_page(image_address)
    page.fill("#place", "3")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.hash.length > 1 && !location.hash.startsWith('#0,0')")
    shown = page.evaluate(PIXELS)
    again = open_page(page.url)
    assert float(again.locator("#slider-0").input_value()) == pytest.approx(images.test_states[3][0], abs=0.006)
    assert again.evaluate(PIXELS) == shown


def test_random_items_neighbours_and_other_axes(open_page, image_address):
    page = open_page(image_address)
    before = page.evaluate(PIXELS)
    page.click("#random")
    before = until_other(page, before)
    page.locator("#stored button").first.click()
    until_other(page, before)
    page.select_option("#x-axis", "2")
    assert page.locator("#scatter").is_visible()


def test_labels_are_text(open_page, image_address):
    page = open_page(image_address)
    assert MARKUP in page.locator("#legend").inner_text()
    assert page.locator("img").count() == 0


def test_a_row_of_a_table_moves_its_bars(open_page, table_address):
    page = open_page(table_address)
    values = "() => document.getElementById('bars').innerText"
    before = page.evaluate(values)
    assert "x0" in before
    page.focus("#slider-0")
    page.keyboard.press("End")
    until_other(page, before, values)


def test_only_the_latest_state_is_decoded(open_page, image_address, images, monkeypatch):
    page = open_page(image_address)
    decode, calls = images.decode, []

    def slow(states):
        calls.append(states)
        time.sleep(0.1)
        return decode(states)

    monkeypatch.setattr(images, "decode", slow)
    page.evaluate(
        """() => {
            const slider = document.getElementById('slider-0');
            for (let i = 1; i <= 100; i++) { slider.value = i / 50; slider.dispatchEvent(new Event('input')); }
        }"""
    )
    page.wait_for_timeout(1000)
    dragged = [states[0, 0] for states in calls if states.shape == (1, 3) and not states[0, 1:].any()]
    assert len(dragged) <= 3
    assert dragged[-1] == 2.0


@pytest.mark.parametrize("width", [1280, 800, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(open_page, image_address, width, scheme):
    page = open_page(image_address, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
