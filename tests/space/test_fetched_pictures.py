"""A picture from the web is fetched from public hosts alone and within bounds."""

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def server(portrait: Path) -> Iterator[str]:
    """On loopback; each path answers in its own way."""
    content = portrait.read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/moved"):
                count = int(self.path.removeprefix("/moved"))
                self.send_response(302)
                self.send_header("Location", f"/moved{count - 1}" if count else "/portrait.png")
                self.end_headers()
            elif self.path == "/astray":
                self.send_response(302)
                self.send_header("Location", "http://[nowhere/a.png")
                self.end_headers()
            elif self.path == "/missing":
                self.send_error(404)
            else:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(bytes(11_000_000) if self.path == "/large.png" else content)

        def log_message(self, *_: Any) -> None:
            pass

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback stands for the web, which no test asks."""
    from page import fetched_pictures

    monkeypatch.setattr(fetched_pictures, "find_public_address", lambda host, port: "127.0.0.1")


@pytest.mark.usefixtures("loopback_is_public")
def test_a_picture_is_fetched_also_over_redirects(server: str, portrait: Path) -> None:
    from page.fetched_pictures import fetch_picture

    for path in ("/portrait.png", "/moved2"):
        upload = fetch_picture(f" {server}{path} ")
        assert upload.name == "portrait.png" and upload.encoded == portrait.read_bytes()


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/missing", "status 404"),
        ("/large.png", "over 10 MB"),
        ("/moved4", "leads elsewhere over 3 times"),
        ("/astray", "cannot be read"),
    ],
)
def test_what_cannot_be_taken_is_told(server: str, path: str, told: str) -> None:
    from page.fetched_pictures import fetch_picture
    from page.uploads import UploadError

    with pytest.raises(UploadError, match=told):
        fetch_picture(server + path)


@pytest.mark.usefixtures("loopback_is_public")
def test_a_server_that_never_ends_its_head_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and all of them together would hold one of two places for hours."""
    from page import fetched_pictures

    monkeypatch.setattr(fetched_pictures, "LONGEST_S", 0.5)
    sent = 0

    def drip(server: socket.socket) -> None:
        nonlocal sent
        connection, _ = server.accept()
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        with contextlib.suppress(OSError):
            while sent < 40:
                sent += 1
                connection.sendall(b"X: y\r\n")
                time.sleep(0.1)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=[server], daemon=True).start()
        with pytest.raises(fetched_pictures.UploadError, match="ReadTimeout"):
            fetched_pictures.fetch_picture(f"http://a.example:{server.getsockname()[1]}/a.png")
    assert sent < 30


@pytest.mark.parametrize(
    "host",
    (
        *("127.0.0.1", "localhost", "10.0.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "[fd00::1]"),
        *("0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "100.64.0.1", "224.0.0.1"),
    ),
)
def test_no_private_address_is_asked(host: str) -> None:
    from page.fetched_pictures import fetch_picture
    from page.uploads import UploadError

    with pytest.raises(UploadError, match="not on the public web"):
        fetch_picture(f"http://{host}/a.png")


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from page import fetched_pictures

    entries = [(2, 1, 6, "", (address, 443)) for address in ("93.184.215.14", "10.0.0.1")]
    many = [(2, 1, 6, "", (f"93.184.215.{number}", 443)) for number in range(30, 10, -1)]
    monkeypatch.setattr(fetched_pictures.socket, "getaddrinfo", lambda *_, **__: entries[:1])
    assert fetched_pictures.find_public_address("faces.example", 443) == "93.184.215.14"
    monkeypatch.setattr(fetched_pictures.socket, "getaddrinfo", lambda *_, **__: many)
    assert fetched_pictures.find_public_address("faces.example", 443) == "93.184.215.30", "the system's order"
    monkeypatch.setattr(fetched_pictures.socket, "getaddrinfo", lambda *_, **__: entries)
    with pytest.raises(fetched_pictures.UploadError, match="not on the public web"):
        fetched_pictures.find_public_address("faces.example", 443)


@pytest.mark.parametrize(
    "url",
    ["", "a.png", "file:///etc/passwd", "ftp://a.example/a", "http://u:p@a.example/", "http://a.example:x/"],
)
def test_only_web_addresses_are_taken(url: str) -> None:
    from page.fetched_pictures import UploadError, fetch_picture

    with pytest.raises(UploadError, match="no address of a picture"):
        fetch_picture(url)
    with pytest.raises(UploadError, match="Port 22"):
        fetch_picture("http://93.184.215.14:22/a.png")


@pytest.mark.usefixtures("loopback_is_public")
def test_the_page_fetches_only_where_that_is_allowed(
    served: Any, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from about_tab.about_view import render_about

    sent = [f"{server}/portrait.png", ["cnn-baseline"]]
    assert "fetches nothing" in served.press("read_link", sent)[1]
    assert "its site learns of the request" not in render_about("en")
    monkeypatch.setenv("FER_ZOO_DEMO_FETCH", "1")
    assert "data-panel=" in served.press("read_link", sent)[1]
    assert "no se pudo traer" in served.press("read_link", ["x", ["cnn-baseline"]], language="es")[1]
    assert "its site learns of the request" in render_about("en") and "fetch.</li>" not in render_about("en")
