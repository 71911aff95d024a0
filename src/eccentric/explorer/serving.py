"""Serving of the page: port, address, and shutdown."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import secrets
import socket
import threading
import webbrowser
from typing import TYPE_CHECKING

from eccentric.errors import EccentricError, UsageError
from eccentric.explorer.requests import MOST_BYTES
from eccentric.explorer.scene import Scene

if TYPE_CHECKING:
    import tempfile
    from collections.abc import Callable

    import uvicorn

    from eccentric.explorer.counterpart import Counterpart
    from eccentric.runs import Run

__all__ = ["PORT", "InlinePage", "explore", "is_loopback", "open_port"]

PORT = 8050


def explore(
    run: Run,
    other: Run | None = None,
    *,
    attributes: str | None = None,
    host: str = "127.0.0.1",
    port: int = PORT,
    browser: bool = True,
    on_ready: Callable[[str], None] = print,
) -> None:
    """Serve the explorer of a run until Ctrl-C.

    Args:
        run: a run whose training is complete.
        other: a second run on the same data, shown next to the first.
        attributes: training data of the run, whose boolean columns become directions; by default, the labels in the run
            folder become directions.
        host: address to listen on. If other machines can reach it, requests need a token, which is part of the address
            of the page.
        port: port to listen on; 0 selects a free port.
        browser: open the page in the user's browser.
        on_ready: called with the address of the page when the port is open.

    Raises:
        EccentricError: the run cannot be opened, or Starlette or Uvicorn is not installed.
        UsageError: the port or the host cannot be used, or the runs cannot be compared.
    """
    with contextlib.closing(open_port(host, port)) as listening:
        token = None if is_loopback(host) else secrets.token_urlsafe(16)
        server = _server(_open(run, other, attributes), listening, host, token)
        address = _address(listening, host) + (f"?token={token}" if token else "")
        on_ready(address)
        if browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):  # raised again by Uvicorn after it has shut down
            server.run(sockets=[listening])


class InlinePage:
    """The explorer in a notebook, shown in a frame and served by a thread of this process.

    The browser must run on the same machine as the notebook's kernel.

    Args:
        run: a run whose training is complete.
        other: a second run on the same data.
        height: height of the frame in pixels.

    Attributes:
        address: address of the page, which can also be opened in a browser tab.
        folder: set to a temporary folder that contains the run; removed by `close`, or with the page.

    Raises:
        EccentricError, UsageError: as for `explore`.
    """

    def __init__(self, run: Run, other: Run | None = None, *, height: int = 820) -> None:
        self._height = height
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self._listening = open_port("127.0.0.1", 0)
        try:
            self._server = _server(_open(run, other, None), self._listening, "127.0.0.1", None, framed=True)
        except BaseException:
            self._listening.close()
            raise
        self.address = _address(self._listening, "127.0.0.1")
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the server."""
        self._server.should_exit = True
        self._thread.join(5)
        self._listening.close()
        if self.folder is not None:
            self.folder.cleanup()

    def __repr__(self) -> str:
        return f"InlinePage({self.address!r})"

    def _repr_html_(self) -> str:
        frame = f'src="{self.address}" title="eccentric explorer" width="100%" height="{self._height}"'
        return f'<iframe {frame} style="border: 0"></iframe>'


def _open(run: Run, other: Run | None, attributes: str | None) -> tuple[Scene, Counterpart | None]:
    loaded = None
    if attributes is not None:
        from eccentric.data.attributes import load_attributes

        data = run.config["data"]
        loaded = load_attributes(attributes, test_fraction=data.get("test_fraction", 0.2), seed=data.get("seed", 0))
    scene = Scene(run, loaded)
    if other is None:
        return scene, None
    from eccentric.explorer.counterpart import Counterpart

    return scene, Counterpart(scene, Scene(other))


def _server(
    opened: tuple[Scene, Counterpart | None],
    listening: socket.socket,
    host: str,
    token: str | None,
    framed: bool = False,
) -> uvicorn.Server:
    try:
        import uvicorn
        import websockets  # noqa: F401  Uvicorn would import it when the server starts

        from eccentric.explorer.guard import Guard
        from eccentric.explorer.server import make_app
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "eccentric":
            raise
        raise EccentricError(f"explore needs {error.name}; install eccentric with the extra 'explore'") from None
    port = listening.getsockname()[1]
    hosts = None if token else {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", _in_address(host))}
    return uvicorn.Server(
        uvicorn.Config(
            Guard(make_app(*opened), hosts, token, framed),
            log_level="error",
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_max_size=MOST_BYTES,
            ws_per_message_deflate=False,  # takes longer than it saves on a local connection
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


def _address(listening: socket.socket, host: str) -> str:
    return f"http://{_in_address(host)}:{listening.getsockname()[1]}/"


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def open_port(host: str, port: int) -> socket.socket:
    """Open a socket that listens on the port.

    Raises:
        UsageError: the port is in use (the message names the next free port), or the host is not an address of this
            machine.
    """
    try:
        return _listen(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            reason = error.strerror or str(error)
            raise UsageError(
                f"cannot listen on {host}, port {port}: {reason}; choose another --host or --port"
            ) from None
    for other in range(port + 1, min(port + 1000, 65536)):
        with contextlib.suppress(OSError), contextlib.closing(_listen(host, other)):
            raise UsageError(f"port {port} is taken; the next free one is --port {other}")
    raise UsageError(f"port {port} is taken; choose another --port")


def _listen(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # asyncio disables Nagle's algorithm only if the protocol is given. Otherwise, each response waits about 40 ms for
    # an acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
