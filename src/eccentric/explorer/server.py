"""HTTP around a scene: each address answers with one of the scene's functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from eccentric.errors import EccentricError
from eccentric.explorer.rendering import png, table_ranges
from eccentric.explorer.requests import MOST_BYTES, BadRequest, read_object, read_place, read_state

if TYPE_CHECKING:
    from typing import Any

    from starlette.requests import Request

    from eccentric.explorer.scene import Scene

__all__ = ["make_app"]

PAGE = Path(__file__).parent / "page"
TYPES = {
    "index.html": "text/html",
    "explorer.js": "text/javascript",
    "scatter.js": "text/javascript",
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
}


class Answers:
    """The endpoints. Those that are not coroutines run in threads, so a slow one does not hold up the others."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.ranges = table_ranges(scene) if scene.view.spec.is_table else None

    def about(self, request: Request) -> Response:
        table = {} if self.ranges is None else {"table": self.ranges.to_json()}
        return JSONResponse(self.scene.describe() | table)

    async def decode(self, request: Request) -> Response:
        state = read_state(await _read(request), self.scene.dim)
        return await run_in_threadpool(lambda: self._item(self.scene.decode(state[None])[0]))

    async def nearest(self, request: Request) -> Response:
        state = read_state(await _read(request), self.scene.dim)
        return JSONResponse(await run_in_threadpool(self.scene.nearest, state))

    async def random(self, request: Request) -> Response:
        sampling = (await _read(request)).get("sampling")
        if not isinstance(sampling, str):
            raise BadRequest("sampling must be a text")
        return JSONResponse({"state": await run_in_threadpool(self.scene.random_state, sampling)})

    def points(self, request: Request) -> Response:
        """The test items on two components, float32 (n, 2), little-endian."""
        chosen = [read_place(request.query_params.get(axis), self.scene.dim, axis) for axis in ("x", "y")]
        values = self.scene.test_states[:, chosen].astype("<f4")
        return Response(values.tobytes(), media_type="application/octet-stream")

    def labels(self, request: Request) -> Response:
        """The place of each test item's label among the names, uint16, little-endian."""
        return Response(self.scene.labels[1].astype("<u2").tobytes(), media_type="application/octet-stream")

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
        if self.ranges is None:
            return Response(png(item), media_type="image/png")
        return JSONResponse({"values": self.ranges.values(np.nan_to_num(item))})

    def _test_place(self, request: Request) -> int:
        return read_place(request.path_params["place"], len(self.scene.test_states), "item")

    def _stored_place(self, request: Request) -> int:
        return read_place(request.path_params["place"], len(self.scene.stored), "item")


async def _read(request: Request) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "the request is too long")
    return read_object(body)


def _page(name: str) -> Route:
    def answer(request: Request) -> Response:
        return Response((PAGE / name).read_bytes(), media_type=TYPES[name])

    return Route("/" if name == "index.html" else f"/{name}", answer)


def _refuse(request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 400)


def make_app(scene: Scene) -> Starlette:
    """The application without its guard (`guard.Guard`), for tests and for `serving`."""
    answers = Answers(scene)
    return Starlette(
        routes=[
            *map(_page, TYPES),
            Route("/api/run", answers.about),
            Route("/api/decode", answers.decode, methods=["POST"]),
            Route("/api/nearest", answers.nearest, methods=["POST"]),
            Route("/api/random", answers.random, methods=["POST"]),
            Route("/api/points", answers.points),
            Route("/api/labels", answers.labels),
            Route("/api/test/{place}/state", answers.test_state),
            Route("/api/test/{place}/item", answers.test_item),
            Route("/api/stored/{place}/state", answers.stored_state),
            Route("/api/stored/{place}/item", answers.stored_item),
            Route("/api/pair/{place}/{side}", answers.pair_item),
        ],
        exception_handlers={BadRequest: _refuse, EccentricError: _refuse},
    )
