"""Look at the built site in Chromium, without a network, at the widths of a telephone and of a desktop.

    python tools/look.py site/html --pictures site/pictures

Fails if a page asks for anything outside of the site, writes an error to the console, is wider than the window, or if
the search does not find a page. Without playwright or Chromium, says so and ends well.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGES = (
    "index",
    "start",
    "guide",
    "how-it-works",
    "comparison",
    "examples/index",
    "examples/plot_1_digits",
    "api/estimator",
)
WIDTHS = (390, 1280)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each page and width")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        chromium = None
    if chromium is None:
        print("playwright or Chromium is not installed: the pages were not looked at")
        return
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    # Served, because pages opened as files may not fetch the pages that the search found.
    handler = partial(Quiet, directory=str(options.site.resolve()))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = f"http://127.0.0.1:{server.server_port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
            page.on(
                "request",
                lambda asked: (
                    None if asked.url.startswith((site, "data:")) else problems.append(f"asks for {asked.url}")
                ),
            )
            for name in PAGES:
                page.goto(f"{site}/{name}.html", wait_until="load")
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    problems.append(f"{name} is {wide} pixels wide in a window of {width}")
                if options.pictures is not None:
                    page.screenshot(path=options.pictures / f"{name.replace('/', '-')}-{width}.png")
            page.goto(f"{site}/search.html?q=stability", wait_until="load")
            try:
                page.wait_for_selector("#search-results ul.search li a", timeout=15_000)
            except Exception:
                problems.append(f"the search finds nothing at width {width}")
        browser.close()
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(PAGES)} pages and the search looked at in Chromium, {' and '.join(map(str, WIDTHS))} pixels wide")


if __name__ == "__main__":
    main()
