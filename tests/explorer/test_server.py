"""The server: its answers, and what it refuses."""

import asyncio
import io
import json
import re
import socket
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.routing import Route

from eccentric.errors import UsageError
from eccentric.explorer import Scene
from eccentric.explorer.counterpart import Counterpart
from eccentric.explorer.guard import Guard
from eccentric.explorer.requests import MOST_BYTES, BadRequest, read_object, read_state
from eccentric.explorer.server import PAGE, make_app
from eccentric.explorer.serving import is_loopback, open_port

HOST = "127.0.0.1:8050"


class Answer:
    def __init__(self, messages):
        self.status = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in messages[1:])

    def json(self):
        return json.loads(self.body)


def call(app, path, body=None, **headers):
    """One request, by ASGI, so that no port is needed."""
    path, _, query = path.partition("?")
    sent = {"host": HOST} | headers
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET" if body is None else "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
        "scheme": "http",
        "server": ("127.0.0.1", 8050),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    messages: list = []

    waiting = [{"type": "http.request", "body": body or b"", "more_body": False}]

    async def receive():
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message):
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    return Answer(messages)


def talk(app, *messages, **headers):
    """What the socket for drafts answers to each message; nothing if it refuses the connection."""
    sent: list = []
    waiting: list[dict] = [{"type": "websocket.connect"}]
    waiting += [{"type": "websocket.receive", "bytes" if isinstance(m, bytes) else "text": m} for m in messages]
    waiting.append({"type": "websocket.disconnect", "code": 1000})
    scope = {
        "type": "websocket",
        "path": "/api/drafts",
        "raw_path": b"/api/drafts",
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in ({"host": HOST} | headers).items()],
        "scheme": "ws",
        "server": ("127.0.0.1", 8050),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "subprotocols": [],
    }

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    if sent[0]["type"] == "websocket.close":
        return None
    assert sent[0]["type"] == "websocket.accept"
    return [message.get("bytes") or message["text"] for message in sent[1:]]


def post(app, path, **content):
    return call(app, path, json.dumps(content).encode())


@pytest.fixture(scope="module")
def app(images):
    return Guard(make_app(images), {HOST})


@pytest.fixture(scope="module")
def table_app(table):
    return Guard(make_app(table), {HOST})


def test_an_image_changes_with_its_state(app, images):
    answers = [post(app, "/api/decode", state=[value, 0, 0]) for value in (-3, 3)]
    shown = [np.asarray(Image.open(io.BytesIO(answer.body))) for answer in answers]
    assert shown[0].shape == images.view.spec.image_size
    assert np.abs(shown[0].astype(int) - shown[1]).max() > 0


def test_a_draft_is_the_pixels_of_the_image(app, images):
    (answer,) = talk(app, '{"state": [1, 0, -1]}')
    assert int.from_bytes(answer[:4], "little") == 8
    pixels = np.frombuffer(answer[4:], np.uint8).reshape(8, 8, 4).astype(int)
    assert np.abs(pixels[..., :3] - images.decode(np.array([[1, 0, -1]]))[0, 0][..., None]).max() <= 1
    assert (pixels[..., 3] == 255).all()


def test_the_socket_answers_each_message_and_goes_on_after_a_bad_one(app, table_app):
    good = '{"state": [1, 0, -1]}'
    first, bad, binary, other, last = talk(app, good, "[", b"\xff", '{"state": [0, 0, 0], "other": true}', good)
    assert first == last
    assert "not JSON" in bad
    assert "not JSON" in binary
    assert "no second run" in other
    assert talk(table_app, good) == ["drafts are of images"]


def test_the_socket_is_closed_to_other_hosts_and_origins_and_without_the_token(app, images):
    assert talk(app, origin=f"http://{HOST}") == []
    assert talk(app, host="evil.example:8050") is None
    assert talk(app, origin="http://evil.example") is None
    guarded = Guard(make_app(images), None, "secret")
    assert talk(guarded) is None
    assert talk(guarded, cookie="eccentric-explorer=secret") == []


def test_a_draft_of_the_second_run_is_of_its_matched_state(images, second_run):
    counterpart = Counterpart(images, Scene(second_run))
    own, other = talk(make_app(images, counterpart), '{"state": [1, 0, -1]}', '{"state": [1, 0, -1], "other": true}')
    pixels = np.frombuffer(other[4:], np.uint8).reshape(8, 8, 4)[..., 0].astype(int)
    item = counterpart.scene.decode(counterpart.states(np.array([[1, 0, -1]])))[0, 0]
    assert np.abs(pixels - item).max() <= 1
    assert own != other


def test_a_row_has_a_number_per_column(table_app):
    assert len(post(table_app, "/api/decode", state=[1, -1]).json()["values"]) == 5
    assert call(table_app, "/api/run").json()["table"]["names"][0] == "x0"


def test_points_and_labels_have_one_entry_per_test_item(app, images):
    points = np.frombuffer(call(app, "/api/points?x=2&y=0").body, "<f4").reshape(-1, 2)
    assert np.array_equal(points, images.test_states[:, [2, 0]])
    codes = np.frombuffer(call(app, "/api/colours?by=0").body, "<u2")
    assert [images.labels[0][code] for code in codes] == images.view.test.labels.tolist()


def test_items_can_be_loaded(app, images):
    assert call(app, "/api/test/1/state").json()["state"] == pytest.approx(images.test_states[1].tolist())
    assert call(app, "/api/stored/1/state").json()["state"] == pytest.approx(images.stored_states[1].tolist())
    assert len(post(app, "/api/random", sampling="matched").json()["state"]) == 3
    assert {"stored", "test"} == set(post(app, "/api/nearest", state=[0, 0, 0]).json())
    sheet = post(app, "/api/grid", state=[0, 0, 0], across=[0, 2], down=[1])
    assert Image.open(io.BytesIO(sheet.body)).size == (4 * 8, 2 * 8)
    for path in ("test/0", "stored/0"):
        assert call(app, f"/api/{path}/item").headers["content-type"] == "image/png"
    assert call(app, "/api/pair/0/1").headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    "name", ["", *(file.name for file in sorted(PAGE.iterdir()) if file.suffix in (".js", ".css"))]
)
def test_the_page_is_served_and_allows_no_other_host(app, name):
    answer = call(app, f"/{name}")
    assert answer.status == 200
    assert b"http" not in answer.body.replace(b"http://www.w3.org/2000/svg", b"")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_page_names_no_path_of_the_server(app, image_run):
    assert str(image_run.path.parent) not in call(app, "/api/run").body.decode()


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("/api/decode", {"state": [0, 0]}, "list of 3 numbers"),
        ("/api/decode", {"state": [0, 0, float("nan")]}, "finite"),
        ("/api/decode", {"state": [0, 0, 10**400]}, "finite"),
        ("/api/decode", {"state": [0, 0, True]}, "finite"),
        ("/api/nearest", {}, "list of 3 numbers"),
        ("/api/random", {"sampling": "matchd"}, "no sampling"),
        ("/api/random", {}, "sampling must be a text"),
        ("/api/decode-other", {"state": [0, 0, 0]}, "no second run"),
        ("/api/grid", {"state": [0, 0, 0], "across": [0, 0], "down": []}, "across holds a place twice"),
        ("/api/grid", {"state": [0, 0, 0], "across": [0], "down": [0]}, "both sides"),
        ("/api/grid", {"state": [0, 0, 0], "across": [3], "down": []}, "integers from 0 to 2"),
        ("/api/grid", {"state": [0, 0, 0], "across": [0], "down": None}, "down must be a list of at most 3"),
        ("/api/name", {"component": 3, "name": "x"}, "integers from 0 to 2"),
        ("/api/name", {"component": 0, "name": 1}, "name must be a text"),
    ],
)
def test_bad_requests_are_told_in_one_line(app, path, content, said):
    answer = post(app, path, **content)
    assert answer.status == 400
    assert said in answer.body.decode()
    assert "\n" not in answer.body.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/api/test/-1/state",
        "/api/test/²/item",
        "/api/stored/99/item",
        "/api/points?x=0",
        "/api/direction?first=0&second=9",
        "/api/direction?first=0&second=0",
    ],
)
def test_places_that_are_not_there(app, path):
    assert call(app, path).status == 400


def test_a_long_request_is_refused(app):
    assert call(app, "/api/decode", b" " * (MOST_BYTES + 1)).status == 413


def test_other_hosts_and_origins_are_refused(app):
    assert call(app, "/api/run", host="evil.example:8050").status == 403
    assert call(app, "/api/run", host="").status == 403
    assert call(app, "/api/run", origin="http://evil.example").status == 403
    assert call(app, "/api/run", origin="null").status == 403
    assert call(app, "/api/run", origin=f"http://{HOST}").status == 200


def test_a_token_is_asked_for_once(images):
    app = Guard(make_app(images), None, "secret")
    assert call(app, "/api/run").status == 403
    assert call(app, "/?token=wrong").status == 403
    assert call(app, "/", cookie="eccentric-explorer=wrong").status == 403
    answer = call(app, "/?token=secret")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert call(app, "/api/run", cookie="eccentric-explorer=secret").status == 200


def test_only_a_page_in_a_notebook_may_be_framed(images):
    for framed, policy in ((False, "frame-ancestors 'none'"), (True, "frame-ancestors http://localhost:*")):
        app = Guard(make_app(images), {HOST}, framed=framed)
        assert policy in call(app, "/").headers["content-security-policy"]


def test_a_guard_without_hosts_needs_a_token(images):
    with pytest.raises(ValueError, match="hosts must be named"):
        Guard(make_app(images), None)


KEYS = st.sampled_from(["state", "sampling", "across", "down", "component", "name"])
VALUES = st.none() | st.booleans() | st.floats() | st.integers() | st.integers(0, 2) | st.text(max_size=8)
JSON = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)
POSTED = ["decode", "decode-other", "nearest", "random", "grid", "name", "own"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(POSTED), body=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_answered(app, table_app, path, body):
    for served in (app, table_app):
        answer = call(served, f"/api/{path}", body)
        assert answer.status in (200, 400)
        assert b"Traceback" not in answer.body
        for reply in talk(served, body, body.decode("latin-1")):
            assert isinstance(reply, bytes) or "\n" not in reply


PLACES = st.integers(-2, 30).map(str) | st.text("0123456789-²x%/.", max_size=5)
ASKED = [
    "test/{}/state",
    "test/{}/item",
    "stored/{}/state",
    "stored/{}/item",
    "pair/{}/{}",
    "points?x={}&y={}",
    "colours?by={}",
    "direction?first={}&second={}",
    "directions",
    "run",
]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from([*ASKED, "{}"]), x=PLACES, y=PLACES)
def test_any_address_is_answered(app, path, x, y):
    assert call(app, f"/api/{path.format(x, y)}").status in (200, 400, 404)


def test_every_request_is_fuzzed(images):
    served = {re.sub(r"{\w+}", "{}", route.path) for route in make_app(images).routes if isinstance(route, Route)}
    fuzzed = {f"/api/{path.partition('?')[0]}" for path in [*ASKED, *POSTED]}
    assert {path for path in served if path.startswith("/api/")} == fuzzed


HEADER = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(st.characters(max_codepoint=127), max_size=20), host=HEADER, origin=HEADER, cookie=HEADER)
def test_any_headers_are_refused(images, query, host, origin, cookie):
    cookies = {"cookie": f"eccentric-explorer={cookie}"}
    assert call(Guard(make_app(images), {HOST}), "/", host=host).status == 403
    assert talk(Guard(make_app(images), {HOST}), host=host) is None
    assert call(Guard(make_app(images), {HOST}), "/", origin=origin).status == 403
    assert call(Guard(make_app(images), None, "secret"), f"/?token={query}", **cookies).status == 403


@given(st.lists(st.floats() | st.integers(), max_size=4))
def test_states_that_pass_are_finite(state):
    try:
        passed = read_state({"state": state}, 3)
    except BadRequest:
        return
    assert passed.shape == (3,)
    assert np.isfinite(passed).all()


def test_deeply_nested_json_is_refused():
    with pytest.raises(BadRequest, match="not JSON"):
        read_object(b"[" * 200_000)


def test_a_taken_port_names_the_next_free_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"port {port} is taken; the next free one is --port \d+"):
            open_port("127.0.0.1", port)


def test_a_host_of_another_machine_is_told():
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1"):
        open_port("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.org", False)],
)
def test_which_hosts_need_no_token(host, loopback):
    assert is_loopback(host) is loopback


def test_the_command_ends_cleanly_on_ctrl_c(image_run):
    import signal

    command = [sys.executable, "-m", "eccentric", "explore", str(image_run.path), "--port", "0", "--no-browser"]

    def heed_interrupts():  # a shell's background jobs ignore them, and so would their children
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert "Explorer: http://127.0.0.1:" in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(60) in (0, 130)
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


def test_a_notebook_shows_the_page_of_a_run_and_of_an_estimator(image_run):
    import urllib.error
    import urllib.request

    from eccentric import EccentricAutoencoder

    model = EccentricAutoencoder.load(image_run.path)
    for source in (image_run, model):
        page = source.explore()
        try:
            assert f'<iframe src="{page.address}"' in page._repr_html_()
            with urllib.request.urlopen(f"{page.address}api/run") as answer:
                assert len(json.load(answer)["components"]) == 3
        finally:
            page.close()
        with pytest.raises(urllib.error.URLError, match="refused"):
            urllib.request.urlopen(page.address)
