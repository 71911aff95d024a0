"""Pictures of the explorer for the README: a screenshot, and an animation of two sliders that move.

python -m benchmarks.explorer_pictures RUN [ITEM] writes docs/images/explorer.png and docs/images/explorer.webp, which
start from the test item with the number ITEM (7 by default); it needs Playwright and Chromium.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from eccentric.explorer import InlinePage
from eccentric.runs import Run

OUT = Path(__file__).parent.parent / "docs" / "images"
WIDTH, HEIGHT = 1280, 800
SHOWN = 800  # pixels, width of the animation
STEPS = 12  # of each of the four parts of a slider's way
MOVE = """([slider, value]) => new Promise((resolve) => {
    document.addEventListener('decoded', () => requestAnimationFrame(resolve), { once: true });
    const input = document.getElementById(slider);
    input.value = value;
    input.dispatchEvent(new Event('input'));
})"""

# The item is loaded, so that the nearest encoded item is the item itself, and the points are drawn.
SETTLED = """() => document.querySelector('main[aria-busy=false]')
    && document.querySelector('#test button div:last-child')?.textContent === '0'"""


def main(path: str, item: str = "7") -> None:
    served = InlinePage(Run(path))
    try:
        with sync_playwright() as playwright:
            arguments = ["--headless", "--no-sandbox", "--disable-gpu"]
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            page.goto(served.address)
            page.fill("#place", item)
            page.press("#place", "Enter")
            page.wait_for_function(SETTLED)
            page.screenshot(path=OUT / "explorer.png")
            frames = []
            way = [2 * np.sin(np.linspace(0, 2 * np.pi, 4 * STEPS, endpoint=False))] * 2
            for slider, values in zip(("slider-0", "slider-1"), way, strict=True):
                start = float(page.input_value(f"#{slider}"))
                for value in values:
                    page.evaluate(MOVE, [slider, start + float(value)])
                    frames.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
            browser.close()
    finally:
        served.close()
    height = SHOWN * HEIGHT // WIDTH
    small = [frame.resize((SHOWN, height), Image.Resampling.LANCZOS) for frame in frames]
    small[0].save(
        OUT / "explorer.webp", save_all=True, append_images=small[1:], duration=70, loop=0, quality=60, method=4
    )


if __name__ == "__main__":
    main(*sys.argv[1:3])
