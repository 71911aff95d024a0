"""Serving the page: the port, the address, and an orderly end."""

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
from eccentric.explorer.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from eccentric.runs import Run

__all__ = ["PORT", "explore", "is_loopback", "open_port"]

PORT = 8050


def explore(
    run: Run,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    browser: bool = True,
    on_ready: Callable[[str], None] = print,
) -> None:
    """Serve the explorer of a run until Ctrl-C.

    Args:
        run: a run that training has completed.
        host: address to listen on. One that other machines can reach needs a token, which is part of the address shown.
        port: 0 takes any free one.
        browser: open the page in the user's browser.
        on_ready: called with the address of the page once the port is open.

    Raises:
        EccentricError: the run cannot be opened, or Starlette or Uvicorn is not installed.
        UsageError: the port or the host cannot be used.
    """
    try:
        import uvicorn

        from eccentric.explorer.guard import Guard
        from eccentric.explorer.server import make_app
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "eccentric":
            raise
        raise EccentricError(f"explore needs {error.name}; install eccentric with the extra 'explore'") from None
    with contextlib.closing(open_port(host, port)) as listening:
        port = listening.getsockname()[1]
        token = None if is_loopback(host) else secrets.token_urlsafe(16)
        shown = f"[{host}]" if ":" in host else host
        hosts = None if token else {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", shown)}
        server = uvicorn.Server(
            uvicorn.Config(
                Guard(make_app(Scene(run)), hosts, token),
                log_level="error",
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        address = f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
        on_ready(address)
        if browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):  # raised again by Uvicorn after it has shut down
            server.run(sockets=[listening])


def open_port(host: str, port: int) -> socket.socket:
    """A socket that listens on the port.

    Raises:
        UsageError: the port is taken (the message names the next free one), or the host is no address of this machine.
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
    listening = socket.socket(family, socket.SOCK_STREAM)
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
