"""A Hugging Face Hub of the size that the tests need: real HTTP on loopback, files in memory.

    with MiniHub(token="hf_test") as hub:
        ...  # hub.url is the endpoint; hub.repos["spaces/ada/faces"].files are what was pushed

It speaks the protocol of huggingface_hub 2 without Xet (HF_HUB_DISABLE_XET). A new endpoint is one method
with `@route`: it takes the request and the groups of the pattern, and returns what is sent as JSON.
"""

import asyncio
import base64
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import uvicorn

LARGE = 10_000_000  # bytes: from there on a file goes the LFS way, as do weights and pictures
LARGE_KINDS = (".safetensors", ".onnx", ".png", ".webp")
REPO = r"(models|datasets|spaces)/([^/]+/[^/]+)"

_routes: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = []


def route(method: str, pattern: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(answer: Callable[..., Any]) -> Callable[..., Any]:
        _routes.append((method, re.compile(pattern), answer))
        return answer

    return add


class Request(NamedTuple):
    headers: dict[str, str]
    body: bytes

    def read_json(self) -> Any:
        return json.loads(self.body or b"{}")


class RefusedError(Exception):
    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


@dataclass
class Repository:
    """files: bytes by path. commits: the title of each."""

    made_with: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"*.png filter=lfs\n"})
    commits: list[str] = field(default_factory=list)


class MiniHub:
    """token: the only one that is taken. read_only: whether it may write nowhere. log: "METHOD path" of each
    request."""

    def __init__(self, token: str, read_only: bool = False) -> None:
        self.token, self.read_only = token, read_only
        self.repos: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}  # LFS objects by sha256
        self.log: list[str] = []

    def __enter__(self) -> "MiniHub":
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(self, log_level="error", lifespan="off"))
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve([listener])), daemon=True
        )
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self.log.append(f"{scope['method']} {scope['path']}")
        status, extra = 200, {}
        try:
            answer = self._answer(scope["method"], scope["path"], Request(headers, body))
        except RefusedError as refused:
            status, answer = refused.status, {"error": refused.message}
            extra = {"X-Error-Message": refused.message, "X-Error-Code": refused.code}
        sent = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        extra |= {"Content-Length": str(len(sent)), "Content-Type": "application/json"}
        lines = [(name.lower().encode(), value.encode()) for name, value in extra.items() if value]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else sent})

    def _answer(self, method: str, path: str, request: Request) -> Any:
        for known, pattern, answer in _routes:
            match = pattern.fullmatch(path)
            if match and known == method:
                return answer(self, request, *match.groups())
        raise RefusedError(404, f"no such place: {method} {path}")

    def check_token(self, request: Request, write: bool = False) -> None:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise RefusedError(401, "Invalid username or password.")
        if write and self.read_only:
            raise RefusedError(403, "This token can only read.")

    def find_repo(self, request: Request, kind: str, name: str, write: bool = False) -> Repository:
        self.check_token(request, write)
        if f"{kind}/{name}" not in self.repos:
            raise RefusedError(404, "Repository not found", "RepoNotFound")
        return self.repos[f"{kind}/{name}"]

    @route("GET", "/api/whoami-v2")
    def tell_user(self, request: Request) -> Any:
        self.check_token(request)
        return {"type": "user", "name": "ada", "orgs": []}

    @route("POST", "/api/repos/create")
    def create_repo(self, request: Request) -> Any:
        self.check_token(request, write=True)
        wanted = request.read_json()
        kind, name = f"{wanted.get('type', 'model')}s", f"{wanted['organization'] or 'ada'}/{wanted['name']}"
        self.repos.setdefault(f"{kind}/{name}", Repository(wanted))
        place = name if kind == "models" else f"{kind}/{name}"
        return {"url": f"{self.url}/{place}", "name": name}

    @route("POST", "/api/validate-yaml")
    def check_card(self, _: Request) -> Any:
        return {"errors": [], "warnings": []}

    @route("GET", f"/api/{REPO}/tree/main")
    def list_files(self, request: Request, kind: str, name: str) -> Any:
        files = self.find_repo(request, kind, name).files
        return [
            {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            for path, content in files.items()
        ]

    @route("POST", f"/api/{REPO}/preupload/main")
    def choose_ways(self, request: Request, kind: str, name: str) -> Any:
        self.find_repo(request, kind, name, write=True)

        def choose(file: dict[str, Any]) -> str:
            large = file["size"] > LARGE or file["path"].endswith(LARGE_KINDS)
            return "lfs" if large else "regular"

        files = request.read_json()["files"]
        return {
            "files": [
                {"path": file["path"], "uploadMode": choose(file), "shouldIgnore": False} for file in files
            ]
        }

    @route("POST", r"/(?:(?:datasets|spaces)/)?[^/]+/[^/]+\.git/info/lfs/objects/batch")
    def offer_places(self, request: Request) -> Any:
        objects = request.read_json()["objects"]
        for wanted in objects:
            wanted["actions"] = {"upload": {"href": f"{self.url}/large/{wanted['oid']}"}}
        return {"transfer": "basic", "objects": objects}

    @route("PUT", "/large/([0-9a-f]{64})")
    def take_large(self, request: Request, digest: str) -> Any:
        if hashlib.sha256(request.body).hexdigest() != digest:
            raise RefusedError(400, "not the bytes of this sha256")
        self.large[digest] = request.body
        return {}

    @route("POST", f"/api/{REPO}/commit/main")
    def commit(self, request: Request, kind: str, name: str) -> Any:
        repo = self.find_repo(request, kind, name, write=True)
        for line in request.body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "header":
                repo.commits.append(value["summary"])
            elif operation["key"] == "file":
                repo.files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                repo.files[value["path"]] = self.large[value["oid"]]
            elif operation["key"] == "deletedFile":
                del repo.files[value["path"]]
            else:
                raise RefusedError(400, f"unknown operation {operation['key']}")
        digest = hashlib.sha1(request.body).hexdigest()
        return {"commitOid": digest, "commitUrl": f"{self.url}/{name}/commit/{digest}"}
