"""Web server for a scene. Each endpoint calls one of the scene's functions."""

from __future__ import annotations

import base64
import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from eccentric.errors import EccentricError
from eccentric.explorer import own
from eccentric.explorer.curves import curve_ranges
from eccentric.explorer.rendering import png, rgba, table_ranges
from eccentric.explorer.requests import MOST_BYTES, BadRequest, read_object, read_place, read_places, read_state

if TYPE_CHECKING:
    from typing import Any

    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from eccentric.explorer.counterpart import Counterpart
    from eccentric.explorer.directions import Direction
    from eccentric.explorer.scene import Scene

__all__ = ["make_app"]

PAGE = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
MOST_SIGNS = 3  # components along each side of a grid: 8 x 8 items, as in Figure 9


class Answers:
    """The endpoints. Functions that are not coroutines run in threads, so a slow one does not block the others."""

    def __init__(self, scene: Scene, counterpart: Counterpart | None) -> None:
        self.scene, self.counterpart = scene, counterpart
        self.ranges = table_ranges(scene) if scene.view.spec.is_table else None
        self.curves = curve_ranges(scene) if scene.view.spec.is_sequence else None

    def about(self, request: Request) -> Response:
        about = self.scene.describe()
        if self.ranges is not None:
            about["table"] = self.ranges.to_json()
        if self.counterpart is not None:
            first, second = self.scene.run.path.resolve(), self.counterpart.scene.run.path.resolve()
            about["runs"] = [first.name, second.name]
            for component in about["components"]:
                component["correlation"] = float(self.counterpart.correlation[component["index"]])
        return JSONResponse(about)

    async def decode(self, request: Request) -> Response:
        state = read_state(await _read(request), self.scene.dim)
        return await run_in_threadpool(lambda: self._item(self.scene.decode(state[None])[0]))

    async def drafts(self, socket: WebSocket) -> None:
        """The images of one run for the states that the page sends while a slider moves.

        In Chromium, a message over a socket takes several milliseconds less than a request.
        """
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while (message := await socket.receive())["type"] == "websocket.receive":
                body = message.get("text") or message.get("bytes") or b""
                try:
                    # A change of threads would delay quick drafts, because the browser uses the same processors.
                    scenes = [self.scene, *([self.counterpart.scene] if self.counterpart else [])]
                    quick = all(scene.drafts_are_quick for scene in scenes)
                    await socket.send_bytes(self._draft(body) if quick else await run_in_threadpool(self._draft, body))
                except (BadRequest, EccentricError) as error:
                    await socket.send_text(self.told(error))

    def _draft(self, body: str | bytes) -> bytes:
        """The width (unsigned, four bytes, little-endian) and the pixels of an image, which need no encoding as PNG."""
        if self.ranges is not None:
            raise BadRequest("drafts are of images")
        content = read_object(body)
        scene, state = self.scene, read_state(content, self.scene.dim)
        if content.get("other"):
            scene, (state,) = self._other(state)
        image = scene.draft(state)
        if self.curves is not None:
            image = self.curves.draw(image)
        return image.shape[2].to_bytes(4, "little") + rgba(image)

    async def decode_other(self, request: Request) -> Response:
        """The item of the second run for a state of the first run."""
        other, states = self._other(read_state(await _read(request), self.scene.dim))
        return await run_in_threadpool(lambda: self._item(other.decode(states)[0]))

    def _other(self, state: np.ndarray) -> tuple[Scene, np.ndarray]:
        """The second run, and its states (1, d) for the state of the first run."""
        if self.counterpart is None:
            raise BadRequest("there is no second run")
        return self.counterpart.scene, self.counterpart.states(state[None])

    async def nearest(self, request: Request) -> Response:
        state = read_state(await _read(request), self.scene.dim)
        return JSONResponse(await run_in_threadpool(self.scene.nearest, state))

    async def random(self, request: Request) -> Response:
        sampling = (await _read(request)).get("sampling")
        if not isinstance(sampling, str):
            raise BadRequest("sampling must be a text")
        return JSONResponse({"state": await run_in_threadpool(self.scene.random_state, sampling)})

    async def grid(self, request: Request) -> Response:
        """All combinations of signs of chosen components, in one image without gaps."""
        if self.ranges is not None:
            raise BadRequest("grids are of images")
        content = await _read(request)
        state = read_state(content, self.scene.dim)
        across, down = (read_places(content, key, self.scene.dim, MOST_SIGNS) for key in ("across", "down"))
        if set(across) & set(down):
            raise BadRequest("a component cannot be on both sides of a grid")
        images = await run_in_threadpool(self.scene.combinations, state, across, down)
        if self.curves is not None:
            images = np.array([[self.curves.draw(item) for item in row] for row in images])
        rows, columns, channels, height, width = images.shape
        sheet = images.transpose(2, 0, 3, 1, 4).reshape(channels, rows * height, columns * width)
        return Response(png(sheet), media_type="image/png")

    async def name(self, request: Request) -> Response:
        """Name a component."""
        content = await _read(request)
        name = content.get("name")
        if not isinstance(name, str):
            raise BadRequest("name must be a text")
        component = read_places({"component": [content.get("component")]}, "component", self.scene.dim, 1)[0]
        return JSONResponse({"name": await run_in_threadpool(self.scene.rename, component, name)})

    def directions(self, request: Request) -> Response:
        return JSONResponse([_plain(direction) for direction in self.scene.directions])

    def direction_between(self, request: Request) -> Response:
        count = max(1, len(self.scene.labels[0]))
        first, second = (read_place(request.query_params.get(key), count, key) for key in ("first", "second"))
        if not self.scene.labels[0]:
            raise BadRequest("the items have no labels")
        return JSONResponse(_plain(self.scene.direction_between(first, second)))

    async def own(self, request: Request) -> Response:
        """States and reconstruction errors of the user's items."""
        content = await _body(request, own.MOST_BYTES)
        return JSONResponse(await run_in_threadpool(self._encode_own, content))

    def _encode_own(self, content: bytes) -> dict[str, Any]:
        found = own.read_own(self.scene.run, content)
        states, errors = self.scene.encode(found.items)
        items = [
            {"state": state.tolist(), "error": float(error)} | self._shown(item)
            for state, error, item in zip(states, errors, found.items.numpy(), strict=True)
            if np.isfinite(state).all()
        ]
        if not items:
            raise BadRequest("the numbers are too large to be encoded")
        return {"items": items, "notes": found.notes}

    def points(self, request: Request) -> Response:
        """The test items on two components, float32 (n, 2), little-endian."""
        chosen = [read_place(request.query_params.get(axis), self.scene.dim, axis) for axis in ("x", "y")]
        values = self.scene.test_states[:, chosen].astype("<f4")
        return Response(values.tobytes(), media_type="application/octet-stream")

    def colours(self, request: Request) -> Response:
        """The index of the value of each test item among the values of a colouring, uint16, little-endian."""
        place = read_place(request.query_params.get("by"), len(self.scene.colourings), "by")
        codes = self.scene.colourings[place].codes
        return Response(codes.astype("<u2").tobytes(), media_type="application/octet-stream")

    def test_state(self, request: Request) -> Response:
        return JSONResponse({"state": self.scene.test_states[self._test_place(request)].tolist()})

    def test_item(self, request: Request) -> Response:
        """The reconstruction of a test item."""
        place = self._test_place(request)
        return self._item(self.scene.decode(self.scene.test_states[place : place + 1])[0])

    def stored_state(self, request: Request) -> Response:
        return JSONResponse({"state": self.scene.stored_states[self._stored_place(request)].tolist()})

    def stored_item(self, request: Request) -> Response:
        return self._item(self.scene.stored[self._stored_place(request)])

    def pair_item(self, request: Request) -> Response:
        component = read_place(request.path_params["place"], self.scene.dim, "component")
        side = read_place(request.path_params["side"], 2, "side")
        return self._item(self.scene.pair(component)[side])

    def _item(self, item: np.ndarray) -> Response:
        if self.curves is not None:
            item = self.curves.draw(item)
        if self.ranges is None:
            return Response(png(item), media_type="image/png")
        return JSONResponse({"values": self.ranges.values(np.nan_to_num(item))})

    def _shown(self, item: np.ndarray) -> dict[str, Any]:
        """An item as part of a JSON response."""
        if self.curves is not None:
            item = self.curves.draw(item)
        if self.ranges is None:
            return {"png": base64.b64encode(png(item)).decode()}
        return {"values": self.ranges.values(item)}

    def told(self, error: Exception) -> str:
        """What the page is told. A message may contain the path of a file of the run, which is not sent."""
        return str(error).replace(str(self.scene.run.path), self.scene.run.path.resolve().name)

    def _test_place(self, request: Request) -> int:
        return read_place(request.path_params["place"], len(self.scene.test_states), "item")

    def _stored_place(self, request: Request) -> int:
        return read_place(request.path_params["place"], len(self.scene.stored), "item")


def _plain(direction: Direction) -> dict[str, Any]:
    return asdict(direction) | {"vector": direction.vector.tolist()}


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, f"the request is longer than {most // 1024:,} kB")
    return bytes(body)


async def _read(request: Request) -> dict[str, Any]:
    return read_object(await _body(request, MOST_BYTES))


def _page(file: Path) -> Route:
    def answer(request: Request) -> Response:
        return Response(file.read_bytes(), media_type=TYPES[file.suffix])

    return Route("/" if file.name == "index.html" else f"/{file.name}", answer)


def make_app(scene: Scene, counterpart: Counterpart | None = None) -> Starlette:
    """The application without its guard (`guard.Guard`), for tests and for `serving`."""
    answers = Answers(scene, counterpart)

    def refuse(request: Request, error: Exception) -> Response:
        return PlainTextResponse(answers.told(error), 400)

    app = Starlette(
        routes=[
            *(_page(file) for file in sorted(PAGE.iterdir()) if file.suffix in TYPES),
            Route("/api/run", answers.about),
            Route("/api/decode", answers.decode, methods=["POST"]),
            WebSocketRoute("/api/drafts", answers.drafts),
            Route("/api/decode-other", answers.decode_other, methods=["POST"]),
            Route("/api/nearest", answers.nearest, methods=["POST"]),
            Route("/api/random", answers.random, methods=["POST"]),
            Route("/api/grid", answers.grid, methods=["POST"]),
            Route("/api/name", answers.name, methods=["POST"]),
            Route("/api/own", answers.own, methods=["POST"]),
            Route("/api/directions", answers.directions),
            Route("/api/direction", answers.direction_between),
            Route("/api/points", answers.points),
            Route("/api/colours", answers.colours),
            Route("/api/test/{place}/state", answers.test_state),
            Route("/api/test/{place}/item", answers.test_item),
            Route("/api/stored/{place}/state", answers.stored_state),
            Route("/api/stored/{place}/item", answers.stored_item),
            Route("/api/pair/{place}/{side}", answers.pair_item),
        ],
        exception_handlers={BadRequest: refuse, EccentricError: refuse},
    )
    app.router.redirect_slashes = False
    return app
