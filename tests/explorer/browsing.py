"""The page served and opened in Chromium, for the browser tests."""

import contextlib
import threading
from collections.abc import Iterator

import uvicorn

from eccentric.explorer.guard import Guard
from eccentric.explorer.server import make_app
from eccentric.explorer.serving import open_port

PIXELS = "() => document.getElementById('image').toDataURL()"
POINTS = "() => document.getElementById('scatter').toDataURL()"


@contextlib.contextmanager
def served(*scenes) -> Iterator[str]:
    with contextlib.closing(open_port("127.0.0.1", 0)) as listening:
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        app = Guard(make_app(*scenes), {host})
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="websockets-sansio"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://{host}/"
        finally:
            server.should_exit = True
            thread.join(10)


class Visitor:
    """One browser tab; `problems` are messages in its console, errors, and requests to other hosts."""

    def __init__(self, browser) -> None:
        self.page = browser.new_page(viewport={"width": 1280, "height": 800})
        self.page.set_default_timeout(30_000)
        self.problems: list[str] = []
        self.addresses = ["blob:"]  # the page opened before may ask to the last moment
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", self._check)

    def _check(self, request) -> None:
        if not request.url.startswith(tuple(self.addresses)):
            self.problems.append(request.url)

    def open(self, address: str, state: str = ""):
        self.addresses.append(address)
        self.page.goto(address + state)
        self.page.wait_for_selector("main[aria-busy=false]")
        self.page.wait_for_selector("#test button")  # the neighbours come last
        return self.page


def until_other(page, before, script=PIXELS):
    """What a script returns, once it differs from `before`."""
    page.wait_for_function(f"before => ({script})() !== before", arg=before)
    return page.evaluate(script)
