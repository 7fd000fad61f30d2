"""Which requests may reach Gradio, from whom, and how large: a table and pure functions, for `page.guard`."""

import ipaddress
import os
import re
import socket
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from page.limits import LARGEST_PICTURE, LARGEST_TOTAL

REFUSED_LINK = "A link is not fetched. Send the picture itself."
HOSTS_VARIABLE = "FER_ZOO_DEMO_HOSTS"  # further host names, separated by commas, as behind a reverse proxy


class Refusal(NamedTuple):
    status: int
    line: str


class Route(NamedTuple):
    """seconds: for the whole body."""

    methods: str
    path: str
    most_bytes: int = 0
    seconds: float = 60.0
    json: bool = True


# Base64 takes 4 / 3 of a picture. What is a little too large still reaches the page, which says so better.
_PICTURE_JSON = LARGEST_PICTURE * 8 // 5
_FILES = r"config/?|favicon\.ico|robots\.txt|theme\.css|manifest\.json|(assets|static|svelte|pwa_icon)(/.*)?"
_STREAMS = r"queue/data|upload_progress|heartbeat/[^/]+|call/(v2/)?[^/]+/[^/]+"
_FACTS = r"info/?|app_id/?|theme\.css|startup-events|queue/status|file=.+"
ROUTES = (  # what the page and its programs need; Gradio has many more
    Route("GET HEAD", rf"/({_FILES})?"),
    Route("GET HEAD", rf"/gradio_api/({_STREAMS}|{_FACTS})"),
    Route("POST", r"/gradio_api/upload", 2 * LARGEST_TOTAL, seconds=600.0, json=False),
    Route("POST", r"/gradio_api/(queue/join|call/(v2/)?[^/]+/?)", _PICTURE_JSON),
    Route("POST", r"/gradio_api/component_server/?", 1_000_000),  # a frame of the camera
    Route("POST", r"/gradio_api/(run/[^/]+/?|cancel|reset/?)", 64_000),
    Route("GET POST DELETE", r"/gradio_api/mcp(/.*)?", _PICTURE_JSON),
)


def find_route(method: str, path: str) -> Route | None:
    return next(
        (row for row in ROUTES if method in row.methods.split() and re.fullmatch(row.path, path)), None
    )


def list_hosts() -> set[str]:
    """Names under which this server is meant to be reached, besides IP addresses, in lower case."""
    machine = socket.gethostname()
    named = [os.environ.get("GRADIO_SERVER_NAME", ""), os.environ.get("SPACE_HOST", "")]
    named += os.environ.get(HOSTS_VARIABLE, "").split(",")
    return {
        name.strip().lower() for name in ("localhost", machine, f"{machine}.local", *named) if name.strip()
    }


def is_known_host(header: str, hosts: Iterable[str]) -> bool:
    """A name that somebody else points at this machine (DNS rebinding) is unknown; no address is such."""
    try:
        name = urlsplit(f"//{header}").hostname or ""
        if name not in hosts:
            ipaddress.ip_address(name)
    except ValueError:  # of a header that is no host, or a name that is no address
        return False
    return True


def is_own_origin(origin: str, host: str, hosts: Iterable[str]) -> bool:
    """Whether a page of this server sent the request. A proxy may have replaced the host: by a named one."""
    try:
        parts = urlsplit(origin)
        return parts.netloc.lower() == host.lower() or (parts.hostname or "") in set(hosts) - {"localhost"}
    except ValueError:
        return False


def check_head(method: str, path: str, headers: Headers, hosts: Iterable[str]) -> Refusal | None:
    """What is wrong with a request before its body is read."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if not is_known_host(host, hosts):
        return Refusal(
            421, f"This demo is not {host[:100]!r}. Name its host in {HOSTS_VARIABLE} to allow it."
        )
    if re.search(r"/file[=/][a-z][a-z0-9+.-]+:", path, re.IGNORECASE):
        return Refusal(403, REFUSED_LINK)
    route = find_route(method, path)
    if route is None:
        return Refusal(404, "The demo has no such address.")
    if method not in ("GET", "HEAD") and origin and not is_own_origin(origin, host, hosts):
        return Refusal(403, "A page of another site may not use this demo.")
    if method == "POST" and route.json and not _is_json(headers.get("content-type", "")):
        return Refusal(415, "Send JSON, with the header Content-Type: application/json.")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > route.most_bytes:
        return too_large(route)
    return None


def too_large(route: Route) -> Refusal:
    return Refusal(413, f"The body is over {route.most_bytes:,} bytes; send less.")


def _is_json(content_type: str) -> bool:
    return content_type.split(";")[0].strip().lower() == "application/json"
