"""A picture from the web, where whoever runs the page allows it: from public hosts alone, and bounded."""

import ipaddress
import os
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpcore

from page.limits import LARGEST_PICTURE
from page.uploads import Upload, UploadError, cut_name

FETCH_VARIABLE = "FER_ZOO_DEMO_FETCH"  # "1" lets visitors name an address
LONGEST_S = 15.0  # for all of it
MAX_REDIRECTS = 3
LONGEST_URL = 2000
PORTS = (80, 443)
TIMEOUTS = dict.fromkeys(("connect", "read", "write", "pool"), 5.0)  # seconds
HEADERS = [(b"User-Agent", b"fer-zoo-demo"), (b"Accept", b"image/*"), (b"Connection", b"close")]


def may_fetch() -> bool:
    return os.environ.get(FETCH_VARIABLE) == "1"


class TimedStream:
    """A connection that reads nothing after `end`, of time.monotonic(): a server may send byte by byte."""

    def __init__(self, stream: httpcore.NetworkStream, end: float) -> None:
        self._stream, self._end = stream, end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def start_tls(self, *args: Any, **options: Any) -> "TimedStream":
        return TimedStream(self._stream.start_tls(*args, **options), self._end)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if time.monotonic() > self._end:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, timeout)


class PublicBackend(httpcore.SyncBackend):
    """Connects to the very address that it has checked, so that a name cannot change its mind in between."""

    def __init__(self, end: float) -> None:
        self._end = end

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> Any:
        stream = super().connect_tcp(find_public_address(host, port), port, *args, **options)
        return TimedStream(stream, self._end)


def find_public_address(host: str, port: int) -> str:
    """An IP address of the host. Raises UploadError unless all that it has are public."""
    if port not in PORTS:
        raise UploadError(f"Port {port} is not asked. Give an address without a port.", "link")
    try:
        found = [entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        raise UploadError(f"There is no host {host[:100]!r}. Check the address.", "link") from None
    addresses = [ipaddress.ip_address(str(text).partition("%")[0]) for text in found]
    for address in addresses:
        inner = getattr(address, "ipv4_mapped", None) or address
        if not inner.is_global or inner.is_multicast:
            raise UploadError("This address is not on the public web. Send the picture itself.", "link")
    return str(addresses[0])  # the system's first choice: one of IPv6 may have no route from here


def fetch_picture(url: str) -> Upload:
    """The picture at an http or https address, up to 10 MB. Raises UploadError."""
    end = time.monotonic() + LONGEST_S
    url = url.strip()
    with httpcore.ConnectionPool(network_backend=PublicBackend(end)) as pool:
        for _ in range(MAX_REDIRECTS + 1):
            check_url(url)
            try:
                with pool.stream("GET", url, headers=HEADERS, extensions={"timeout": TIMEOUTS}) as answer:
                    moved = dict(answer.headers).get(b"Location") or dict(answer.headers).get(b"location")
                    if answer.status in (301, 302, 303, 307, 308) and moved:
                        url = urljoin(url, moved.decode("latin-1"))
                        continue
                    if answer.status != 200:
                        raise UploadError(f"The address answers with status {answer.status}.", "link")
                    return Upload(name_picture(url), read_body(answer.iter_stream(), end))
            except (
                httpcore.NetworkError,
                httpcore.TimeoutException,
                httpcore.ProtocolError,
                ValueError,  # of a redirect to what is no address
            ) as error:
                raise UploadError(f"The address cannot be read ({type(error).__name__}).", "link") from None
    raise UploadError(f"The address leads elsewhere over {MAX_REDIRECTS} times. Give its last one.", "link")


def check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
        is_fit = is_fit and parts.port != 0  # raises for a port that is no number
    except ValueError:
        is_fit = False
    if not is_fit or len(url) > LONGEST_URL or not url.isascii():
        raise UploadError("This is no address of a picture. Give one that begins with https://.", "link")


def read_body(chunks: Iterator[bytes], end: float) -> bytes:
    """All of it. Raises UploadError over 10 MB, or when the time is up: at `end` of time.monotonic."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > LARGEST_PICTURE:
            raise UploadError(
                f"The picture is over {LARGEST_PICTURE // 1_000_000} MB; make it smaller.", "bytes"
            )
        if time.monotonic() > end:
            raise UploadError(f"The picture did not come in {LONGEST_S:.0f} seconds.", "link")
    return bytes(body)


def name_picture(url: str) -> str:
    path = unquote(urlsplit(url).path).rstrip("/")
    return cut_name(path.rpartition("/")[2] or "picture")
