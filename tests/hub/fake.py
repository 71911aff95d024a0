"""A Hugging Face Hub on the loopback interface: as much of its protocol as pushing and fetching a model needs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_loopback"


class Hub:
    """The server. `files` holds what was committed, by repository and path."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []
        self.private: dict[str, bool] = {}
        hub = self

        class Handler(_Handler):
            def answer(self, *arguments: Any) -> Any:
                return hub.answer(*arguments)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def sha(self, name: str) -> str:
        content = json.dumps({path: _oid(data) for path, data in sorted(self.files[name].items())})
        return hashlib.sha1(content.encode()).hexdigest()

    def answer(self, method: str, path: str, token: str | None, body: bytes) -> tuple[int, Any]:
        """Status and content: JSON, or bytes of a file."""
        self.asked.append(f"{method} {path}")
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path == "/api/whoami-v2":
            return (200, {"name": "someone"}) if token == TOKEN else (401, {"error": "Invalid credentials"})
        if path == "/api/repos/create":
            wanted = json.loads(body)
            name = f"{wanted['organization']}/{wanted['name']}"
            self.files.setdefault(name, {})
            # older versions of huggingface_hub send a flag
            self.private[name] = wanted.get("visibility") == "private" or bool(wanted.get("private"))
            return 200, {"url": f"{self.address}/{name}", "id": name}
        if found := re.fullmatch(r"/api/models/(\w+/[\w-]+)/(preupload|commit|revision|tree)/(\w+)", path):
            name, action, _ = found.groups()
            if name not in self.files:
                return 404, {"error": "Repository not found"}
            return 200, getattr(self, action)(name, body)
        if found := re.fullmatch(r"/(\w+/[\w-]+)/resolve/\w+/(.+)", path):
            return 200, self.files[found[1]][found[2]]
        return 404, {"error": "Repository not found"}

    def preupload(self, name: str, body: bytes) -> Any:
        paths = [file["path"] for file in json.loads(body)["files"]]
        return {"files": [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in paths]}

    def commit(self, name: str, body: bytes) -> Any:
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                self.files[name][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        return {"commitUrl": f"{self.address}/{name}/commit/{self.sha(name)}", "commitOid": self.sha(name)}

    def revision(self, name: str, body: bytes) -> Any:
        siblings = [{"rfilename": path} for path in self.files[name]]
        return {"id": name, "modelId": name, "sha": self.sha(name), "siblings": siblings}

    def tree(self, name: str, body: bytes) -> Any:
        files = self.files[name].items()
        return [{"type": "file", "path": path, "size": len(data), "oid": _oid(data)} for path, data in files]


def _oid(data: bytes) -> str:
    """Git's name of a file with such content."""
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, *arguments: Any) -> Any:
        raise NotImplementedError

    def _any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        status, content = self.answer(self.command, self.path.partition("?")[0], token, self.rfile.read(length))
        self.send_response(status)
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
        else:
            self.send_header("ETag", f'"{_oid(content)}"')
            self.send_header("X-Repo-Commit", self.path.split("/")[4])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_HEAD = _any

    def log_message(self, *arguments: Any) -> None:
        pass
