"""A Hugging Face Hub of the size that the tests need: real HTTP on loopback, files in memory.

    with MiniHub(token="hf_test") as hub:
        ...  # hub.url is the endpoint; hub.repos["spaces/ada/faces"].files are what was pushed

It speaks the protocol of huggingface_hub 2 without Xet (HF_HUB_DISABLE_XET). A new endpoint is one method
with `@route`: it takes the request and the groups of the pattern, and returns what is sent as JSON, or a
File. `hub.faults` spoils requests.
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
LARGE_KINDS = (".safetensors", ".onnx", ".parquet", ".png", ".webp")
REPO = r"(models|datasets|spaces)/([^/]+/[^/]+)"
FILE = r"/(datasets/|spaces/)?([^/]+/[^/]+)/resolve/(refs/[^/]+/[^/]+|[^/]+)/(.+)"

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


class File(NamedTuple):
    content: bytes
    headers: dict[str, str]


class RefusedError(Exception):
    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


def hash_blob(content: bytes) -> str:  # as git hashes a file
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def is_large(path: str, size: int) -> bool:
    return size > LARGE or path.endswith(LARGE_KINDS)


@dataclass
class Repository:
    """files: of the branch main, by path; a test may change them. branches: the files of the others.
    snapshots: the files of every commit that was asked for. commits: the title of each."""

    made_with: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"*.png filter=lfs\n"})
    branches: dict[str, dict[str, bytes]] = field(default_factory=dict)
    snapshots: dict[str, dict[str, bytes]] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    gated: bool = False

    def find_commit(self, revision: str) -> str:
        """The hash of the commit that a branch is at, or of a commit known by its hash."""
        files = {"main": self.files, **self.branches}.get(revision)
        if files is None and revision not in self.snapshots:
            raise RefusedError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        if files is None:
            return revision
        listing = json.dumps({path: hash_blob(content) for path, content in files.items()})
        commit = hashlib.sha1(listing.encode()).hexdigest()
        self.snapshots[commit] = dict(files)
        return commit

    def set_files(self, revision: str, files: dict[str, bytes]) -> None:
        if revision == "main":
            self.files = files
        else:
            self.branches[revision] = files


@dataclass
class Fault:
    """What goes wrong with a request that the pattern fits: a status instead of an answer, a wait in seconds,
    a body that is cut, or of which the last bit is changed. times: how often, before all is well again."""

    pattern: str
    status: int = 0
    wait: float = 0.0
    cut: bool = False
    change: bool = False
    times: int = 1

    def spoil(self, content: bytes) -> bytes:
        if self.cut:  # uvicorn closes a connection on which less was sent than Content-Length says
            return content[: len(content) // 2]
        return content[:-1] + bytes([content[-1] ^ 1]) if self.change else content


class MiniHub:
    """token: the only one that is taken. read_only: whether it may write nowhere. public: whether reading
    takes none. log: "METHOD path" of each request. faults: the first that fits a request spoils it."""

    def __init__(self, token: str, read_only: bool = False, public: bool = False) -> None:
        self.token, self.read_only, self.public = token, read_only, public
        self.repos: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}  # LFS objects by sha256
        self.log: list[str] = []
        self.faults: list[Fault] = []

    def __enter__(self) -> "MiniHub":
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(self, log_level="critical", lifespan="off"))
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
        parts, more = [], True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        line = f"{scope['method']} {scope['path']}"
        self.log.append(line)
        fault = self._find_fault(line)
        await asyncio.sleep(fault.wait)
        status, extra = 200, {"Content-Type": "application/json"}
        try:
            if fault.status:
                raise RefusedError(fault.status, "Internal Error")
            answer = self._answer(scope["method"], scope["path"], Request(headers, b"".join(parts)))
        except RefusedError as refused:
            status, answer = refused.status, {"error": refused.message}
            extra |= {"X-Error-Message": refused.message, "X-Error-Code": refused.code}
        if not isinstance(answer, File):
            answer = File(answer if isinstance(answer, bytes) else json.dumps(answer).encode(), {})
        extra |= {"Content-Length": str(len(answer.content)), **answer.headers}
        lines = [(name.lower().encode(), value.encode()) for name, value in extra.items() if value]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        sent = b"" if scope["method"] == "HEAD" else fault.spoil(answer.content)
        await send({"type": "http.response.body", "body": sent})

    def _find_fault(self, line: str) -> Fault:
        for fault in self.faults:
            if fault.times and re.search(fault.pattern, line):
                fault.times -= 1
                return fault
        return Fault("")

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
        named = "authorization" in request.headers
        if named or write or not self.public:
            self.check_token(request, write)
        repo = self.repos.get(f"{kind}/{name}")
        if repo is None:
            raise RefusedError(404 if named else 401, "Repository not found", "RepoNotFound")
        if repo.gated:
            raise RefusedError(403, f"Access to {name} is restricted.", "GatedRepo")
        return repo

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

    @route("POST", f"/api/{REPO}/branch/(.+)")
    def make_branch(self, request: Request, kind: str, name: str, branch: str) -> Any:
        repo = self.find_repo(request, kind, name, write=True)
        if branch in repo.branches:
            raise RefusedError(409, f"Reference already exists: {branch}")
        repo.branches[branch] = dict(repo.files)
        return {}

    @route("POST", "/api/validate-yaml")
    def check_card(self, _: Request) -> Any:
        return {"errors": [], "warnings": []}

    @route("GET", f"/api/{REPO}(?:/revision/(.+))?")
    def describe_repo(self, request: Request, kind: str, name: str, revision: str | None) -> Any:
        repo = self.find_repo(request, kind, name)
        commit = repo.find_commit(revision or "main")
        siblings = []
        for path, content in repo.snapshots[commit].items():
            row: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": hash_blob(content)}
            if is_large(path, len(content)):
                digest = hashlib.sha256(content).hexdigest()
                row["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
            siblings.append(row)
        return {"id": name, "sha": commit, "siblings": siblings, "private": False, "tags": []}

    @route("HEAD", FILE)
    @route("GET", FILE)
    def give_file(self, request: Request, kind: str | None, name: str, revision: str, path: str) -> Any:
        repo = self.find_repo(request, (kind or "models/").rstrip("/"), name)
        commit = repo.find_commit(revision)
        content = repo.snapshots[commit].get(path)
        if content is None:
            raise RefusedError(404, "Entry not found", "EntryNotFound")
        large = is_large(path, len(content))
        tag = hashlib.sha256(content).hexdigest() if large else hash_blob(content)
        return File(content, {"X-Repo-Commit": commit, "ETag": f'"{tag}"'})

    @route("POST", f"/api/{REPO}/preupload/(.+)")
    def choose_ways(self, request: Request, kind: str, name: str, revision: str) -> Any:
        self.find_repo(request, kind, name, write=True).find_commit(revision)

        def choose(file: dict[str, Any]) -> str:
            return "lfs" if is_large(file["path"], file["size"]) else "regular"

        files = request.read_json()["files"]
        ways = [{"path": file["path"], "uploadMode": choose(file), "shouldIgnore": False} for file in files]
        return {"files": ways}

    @route("POST", r"/(?:(?:datasets|spaces)/)?[^/]+/[^/]+\.git/info/lfs/objects/batch")
    def offer_places(self, request: Request) -> Any:
        objects = request.read_json()["objects"]
        for wanted in objects:
            if wanted["oid"] not in self.large:  # else it is here already, and is not sent again
                wanted["actions"] = {"upload": {"href": f"{self.url}/large/{wanted['oid']}"}}
        return {"transfer": "basic", "objects": objects}

    @route("PUT", "/large/([0-9a-f]{64})")
    def take_large(self, request: Request, digest: str) -> Any:
        if hashlib.sha256(request.body).hexdigest() != digest:
            raise RefusedError(400, "not the bytes of this sha256")
        self.large[digest] = request.body
        return {}

    @route("POST", f"/api/{REPO}/commit/(.+)")
    def commit(self, request: Request, kind: str, name: str, revision: str) -> Any:
        repo = self.find_repo(request, kind, name, write=True)
        files, title = dict(repo.snapshots[repo.find_commit(revision)]), ""
        for line in request.body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "header":
                title = value["summary"]
            elif operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                files[value["path"]] = self.large[value["oid"]]
            elif operation["key"] == "deletedFile":
                del files[value["path"]]
            else:
                raise RefusedError(400, f"unknown operation {operation['key']}")
        repo.commits.append(title)
        repo.set_files(revision, files)
        digest = repo.find_commit(revision)
        return {"commitOid": digest, "commitUrl": f"{self.url}/{name}/commit/{digest}"}
