"""The page in Chromium. Any message in the console and any request to another host fails the test."""

import base64
import shutil
import time

import numpy as np
import pytest

from eccentric.data.attributes import Attributes
from eccentric.explorer import Scene
from eccentric.explorer.counterpart import Counterpart
from eccentric.explorer.rendering import png
from tests.explorer.browsing import PIXELS, POINTS, Visitor, served, until_other
from tests.explorer.conftest import MARKUP

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tab(chromium):
    return Visitor(chromium)


@pytest.fixture
def visitor(tab):
    tab.problems.clear()
    yield tab
    assert tab.problems == []


@pytest.fixture(scope="module")
def image_address(images):
    with served(images) as address:
        yield address


@pytest.fixture(scope="module")
def pair_address(images, second_run):
    with served(images, Counterpart(images, Scene(second_run))) as address:
        yield address


@pytest.fixture(scope="module")
def table_address(table):
    with served(table) as address:
        yield address


def position(page, images, item):
    """Where an item lies on the screen."""
    box = page.locator("#scatter").bounding_box()
    far = min(max(1.0, float(abs(images.test_states[:, :2]).max())), 6) * 1.05
    x, y = images.test_states[item, :2].tolist()
    return box["x"] + (x / far + 1) * box["width"] / 2, box["y"] + (1 - y / far) * box["height"] / 2


def test_only_the_components_in_view_are_drawn(visitor, images, image_address):
    drawn = "() => [...document.querySelectorAll('.component')].map(row => row.querySelector('img').naturalWidth > 0)"
    try:
        visitor.page.set_viewport_size({"width": 390, "height": 200})
        page = visitor.open(image_address)
        assert not page.evaluate(drawn)[-1]
        page.locator(".component").last.scroll_into_view_if_needed()
        page.wait_for_function(f"() => ({drawn})()[{len(images.deviations) - 1}]")
        page = visitor.open(image_address)
        assert not page.evaluate(drawn)[-1]
        page.set_viewport_size({"width": 1280, "height": 800})
        page.wait_for_function(f"() => ({drawn})().every(Boolean)")
    finally:
        visitor.page.set_viewport_size({"width": 1280, "height": 800})


def test_sliders_answer_to_the_mouse_and_to_keys_and_can_be_undone(visitor, image_address):
    page = visitor.open(image_address)
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
    page.focus("#slider-1")
    page.keyboard.press("ArrowRight")
    assert page.locator("#slider-1").input_value() == "0.01"
    page.click("#reset")
    assert page.locator("#slider-1").input_value() == "0"


def test_points_are_coloured_by_another_attribute(visitor, image_run):
    count = len(Scene(image_run).test_states)
    attributes = Attributes(["bright"], np.zeros((5, 1), bool), np.arange(count)[:, None] % 2 == 0)
    with served(Scene(image_run, attributes)) as address:
        page = visitor.open(address)
        before = page.evaluate(POINTS)
        page.select_option("#colour-by", label="bright")
        page.wait_for_function(f"before => ({POINTS})() !== before", arg=before)
        assert page.locator("#legend").inner_text().split() == ["no", "yes"]


def test_items_are_loaded_by_a_click_by_number_and_at_random_and_the_address_keeps_them(visitor, image_address, images):
    page = visitor.open(image_address)
    x, y, _ = images.test_states[0].tolist()
    place = page.locator("#scatter").bounding_box()
    far = min(max(1.0, float(abs(images.test_states[:, :2]).max())), 6) * 1.05
    page.mouse.click(place["x"] + (x / far + 1) * place["width"] / 2, place["y"] + (1 - y / far) * place["height"] / 2)
    page.wait_for_function("() => document.getElementById('slider-0').value !== '0'")
    assert float(page.locator("#slider-0").input_value()) == pytest.approx(x, abs=0.3)
    before = page.evaluate(PIXELS)
    page.click("#random")
    before = until_other(page, before)
    page.locator("#stored button").first.click()
    before = until_other(page, before)
    page.select_option("#x-axis", "2")
    page.fill("#place", "3")
    page.press("#place", "Enter")
    until_other(page, before)
    page.wait_for_function("() => location.hash.length > 1")
    page.wait_for_timeout(300)
    shown, state = page.evaluate(PIXELS), page.evaluate("() => location.hash")
    page.goto("about:blank")
    visitor.open(image_address, state)
    assert float(page.locator("#slider-0").input_value()) == pytest.approx(images.test_states[3][0], abs=0.006)
    assert page.evaluate(PIXELS) == shown


def test_labels_are_text_and_nothing_is_wider_than_the_window(visitor, image_address):
    page = visitor.open(image_address)
    assert MARKUP in page.locator("#legend").inner_text()
    assert page.locator("img:not(.end img, .strip img)").count() == 0
    for width, scheme in ((800, "dark"), (390, "light"), (1280, "dark")):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.evaluate("() => document.documentElement.scrollHeight") <= 800
    assert all(
        page.evaluate("id => { const e = document.querySelector(id); return e.scrollHeight <= e.clientHeight; }", panel)
        for panel in (".item", ".components", ".points", ".near")
    )


NAMELESS = """() => [...document.querySelectorAll('button, input, select, textarea, canvas[role], [role=meter]')]
    .filter(e => e.checkVisibility() && !(e.ariaLabel || e.labels?.length || e.innerText?.trim()))
    .map(e => e.outerHTML)"""


def test_the_page_can_be_used_without_pointer_and_eyes(visitor, image_address, table_address):
    for address in (table_address, image_address):
        page = visitor.open(address)
        assert page.evaluate(NAMELESS) == []
        page.evaluate("() => { window.reached = []; addEventListener('focusin', e => reached.push(e.target.id)); }")
        for _ in range(24):
            page.keyboard.press("Tab")
        reached = set(page.evaluate("() => reached"))
        assert {"reset", "random", "sampling", "open", "components-tab", "slider-0", "slider-1"} <= reached
        page.focus("#slider-0")
        page.keyboard.press("PageDown")
        slider = page.locator("#slider-0")
        assert slider.get_attribute("aria-valuetext") == "−0.80 standard deviations"
        page.keyboard.press("0")
        assert slider.get_attribute("aria-valuetext") == "0.00 standard deviations"
    page.focus("#points-tab")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#grid button")
    assert page.evaluate(NAMELESS) == []


def test_a_row_of_a_table_moves_its_bars(visitor, table_address):
    page = visitor.open(table_address)
    values = "() => document.getElementById('bars').innerText"
    before = page.evaluate(values)
    assert "x0" in before
    page.focus("#slider-0")
    page.keyboard.press("End")
    until_other(page, before, values)
    for side, fill in (("below", "0%"), ("above", "100%")):  # the end of a slider lies outside the range of the data
        for bar in page.locator(f".track.{side}").all():
            assert bar.get_attribute("aria-valuetext").endswith(f"{side} the range")
            assert bar.locator(".fill").evaluate("e => e.style.width") == fill


def test_a_dropped_row_is_marked_on_the_bars_and_moves_the_sliders(visitor, table_address):
    page = visitor.open(table_address)
    page.click("#paste summary")
    page.fill("#pasted", "1, 2, 0, -1, 0.5")
    page.click("#paste-row")
    page.wait_for_selector("#own-about")
    assert page.locator(".tick.own:visible").count() == 5
    assert page.locator("#slider-0").input_value() != "0"
    page.fill("#pasted", "1, 2, 3")
    page.click("#paste-row")
    page.wait_for_selector("#message:visible")
    assert "3 values, but the run has 5 columns" in page.locator("#message").inner_text()
    visitor.problems.clear()  # the browser's console reports the refused request


def test_a_dropped_image_is_shown_beside_its_reconstruction(visitor, image_address, images):
    page = visitor.open(image_address)
    content = base64.b64encode(png(images.stored[3])).decode()
    page.evaluate(
        """async content => {
            const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "mine.png"));
            const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
            document.body.dispatchEvent(new DragEvent("drop", how));
        }""",
        content,
    )
    page.wait_for_selector("#own-figure:visible")
    page.wait_for_function("() => document.getElementById('slider-0').value !== '0'")
    state = page.evaluate("() => Number(document.getElementById('slider-1').value)")
    assert state == pytest.approx(images.stored_states[3][1], abs=0.006)
    assert "Squared error" in page.locator("#own-text").inner_text()


def test_directions_grids_and_names(visitor, image_address, images):
    page = visitor.open(image_address)
    page.click("#directions-tab")
    page.wait_for_selector("#direction-2", state="attached")
    before = page.evaluate(PIXELS)
    page.focus("#direction-0")
    page.keyboard.press("End")
    until_other(page, before)
    page.click("#between button")
    page.wait_for_selector("#direction-3", state="attached")
    # Not inner_text, which leaves out a row (content-visibility: auto) until the frame after it was added.
    assert f"{MARKUP} → dark" in page.locator("#direction-list").text_content()
    page.click("#grid-tab")
    page.wait_for_function("() => document.querySelectorAll('#grid button').length === 4")
    page.click("#chips button:nth-child(3)")
    page.wait_for_function("() => document.querySelectorAll('#grid button').length === 8")
    page.locator("#grid button").last.click()
    page.click("#components-tab")
    assert page.locator("#slider-0").input_value() == "2"
    assert page.locator("#slider-1").input_value() == "-2"
    page.fill("input[aria-label='Name of p1']", MARKUP)
    page.press("input[aria-label='Name of p1']", "Enter")
    page.wait_for_function("text => document.querySelector('#x-axis option').textContent === text", arg=f"p1 {MARKUP}")
    assert images.names[0] == MARKUP
    assert page.locator("img:not(.end img, .strip img)").count() == 0


def test_one_set_of_sliders_drives_two_runs(visitor, pair_address):
    page = visitor.open(pair_address)
    assert page.locator("#other-caption").inner_text() == "second"
    assert page.locator(".head small", has_text="r = ").count() == 3
    both = "() => ['image', 'other'].map(id => document.getElementById(id).toDataURL())"
    page.wait_for_function("() => document.getElementById('other').width === 8")
    before = page.evaluate(both)
    page.focus("#slider-0")
    page.keyboard.press("End")
    page.wait_for_function(f"before => ({both})().every((pixels, i) => pixels !== before[i])", arg=before)


def test_the_item_under_the_pointer_is_shown(visitor, image_address, images):
    page = visitor.open(image_address)
    place = position(page, images, 0)
    page.mouse.move(*place)
    page.wait_for_selector("#thumbnail:visible")
    assert "Item " in page.locator("#thumbnail-text").inner_text()


def test_only_the_latest_state_is_decoded(visitor, image_address, images, monkeypatch):
    page = visitor.open(image_address)
    draft, calls = images.draft, []

    def slow(state):
        calls.append(state[0])
        time.sleep(0.05)
        return draft(state)

    monkeypatch.setattr(images, "draft", slow)
    page.evaluate(
        """() => {
            const slider = document.getElementById('slider-0');
            for (let i = 1; i <= 100; i++) { slider.value = i / 50; slider.dispatchEvent(new Event('input')); }
        }"""
    )
    page.wait_for_timeout(600)
    assert len(calls) <= 3
    assert calls[-1] == 2.0
