"""What reaches the demo: addresses, hosts, other sites, sizes, time; what it keeps, and for how long."""

import json
import os
import socket
import time
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

FORBIDDEN = [
    *("/gradio_api/deep_link?session_hash=tests", "/gradio_api/proxy=http://127.0.0.1/", "/gradio_api/runs"),
    *("/docs", "/openapi.json", "/monitoring", "/gradio_api/dev/reload", "/gradio_api/user"),
    *("/gradio_api/vibe-code", "/gradio_api/custom_component/a/b/c/d", "/gradio_api/file/etc/passwd"),
]


def send_raw(url: str, text: bytes, wait_s: float = 10.0) -> bytes:
    """What the server answers to these bytes, until it closes or that time is over."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait_s) as connection:
        connection.sendall(text)
        answer = b""
        while more := connection.recv(65_536):
            answer += more
    return answer


@pytest.mark.parametrize("path", FORBIDDEN)
def test_what_the_page_does_not_need_is_not_there(served: Any, path: str) -> None:
    assert httpx.get(served.url + path).status_code == 404
    assert not list(served.uploads.rglob("deep_links"))


@pytest.mark.parametrize("path", ["process_recording", "vibe-edit", "stream/x", "api/compare"])
def test_what_programs_do_not_need_is_not_there(served: Any, path: str) -> None:
    assert httpx.post(f"{served.url}/gradio_api/{path}", json={}).status_code == 404


@pytest.mark.parametrize("name", ["compare", "compare_picture", "receive_photo"])
def test_no_call_gets_past_the_queue(served: Any, name: str) -> None:
    body = {"data": [None, None], "session_hash": "direct"}
    assert httpx.post(f"{served.url}/gradio_api/run/{name}", json=body).status_code in (404, 500)
    for index, fn in served.page.fns.items():
        if fn.queue and fn.fn:
            asked = {"fn_index": index, **body}
            assert httpx.post(f"{served.url}/gradio_api/run/predict", json=asked).status_code == 404


def test_the_name_of_another_site_is_refused(served: Any) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example:7860", "", "[::1", "localhost.evil.example"):
        answer = httpx.get(served.url, headers={"host": host})
        assert answer.status_code == 421 and "FER_ZOO_DEMO_HOSTS" in answer.text
    for host in ("localhost:1", "LOCALHOST", "192.168.1.20:7860", "[::1]:7860"):
        assert httpx.get(served.url, headers={"host": host}).status_code == 200


def test_a_page_of_another_site_can_send_nothing(served: Any) -> None:
    files = {"files": ("a.png", b"picture")}
    for origin in ("https://evil.example", "null", "http://localhost:1", "http://[", "http://127.0.0.1"):
        headers = {"origin": origin}
        for path in ("upload", "queue/join", "component_server", "call/compare", "cancel", "mcp/"):
            sent: dict[str, Any] = {"files": files} if path == "upload" else {"json": {}}
            answer = httpx.post(f"{served.url}/gradio_api/{path}", headers=headers, **sent)
            assert answer.status_code == 403 and "another site" in answer.text, (origin, path)
    assert served.list_files() == []
    own = httpx.post(f"{served.url}/gradio_api/upload", headers={"origin": served.url}, files=files)
    assert own.status_code == 200


def test_a_form_of_another_site_is_no_call(served: Any) -> None:
    """What a browser sends to a foreign site without asking first: text, forms and files."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        for path in ("component_server", "queue/join", "run/predict", "call/compare", "mcp/"):
            url = f"{served.url}/gradio_api/{path}"
            answer = httpx.post(url, content=b"{}", headers={"content-type": kind})
            assert answer.status_code == 415, (kind, path)


def test_every_answer_forbids_guessing_its_type(served: Any) -> None:
    for path in ("/", "/config", "/gradio_api/info", "/nowhere"):
        assert httpx.get(served.url + path).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["page.svg", "page.html", "page.xhtml"])
def test_an_upload_is_not_served_as_a_page(served: Any, tmp_path: Path, name: str) -> None:
    page = tmp_path / name
    page.write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    answer = httpx.get(f"{served.url}/gradio_api/file={served.upload(page)['path']}")
    assert answer.status_code == 200 and answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("separator", ["=", "/"])
@pytest.mark.parametrize("link", ["http://127.0.0.1:9/x", "HTTPS://example.org/x", "file:///etc/passwd"])
def test_the_route_for_files_is_no_proxy(served: Any, separator: str, link: str) -> None:
    answer = httpx.get(f"{served.url}/gradio_api/file{separator}{link}")
    assert answer.status_code == 403 and "not fetched" in answer.text


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
@pytest.mark.parametrize(
    "path, most", [("run/predict", 64_000), ("component_server", 1_000_000), ("queue/join", 16_000_000)]
)
def test_a_body_has_a_bound(served: Any, path: str, most: int, chunked: bool) -> None:
    body = b'{"data": ["' + b"x" * most + b'"]}'
    content: Any = iter([body[:1000], body[1000:]]) if chunked else body
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{served.url}/gradio_api/{path}", content=content, headers=headers)
    assert answer.status_code == 413 and "send less" in answer.text


def test_brackets_without_end_are_refused_at_once(served: Any) -> None:
    start = time.process_time()
    for body in (b"[" * 9_000_000, b'{"data":[' + b"[]," * 3_000_000 + b"1]}"):
        headers = {"content-type": "application/json"}
        answer = httpx.post(f"{served.url}/gradio_api/queue/join", content=body, headers=headers)
        assert answer.status_code == 413 and "items" in answer.text
    assert time.process_time() - start < 3


def test_half_a_body_is_not_awaited_for_ever(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import page.guard

    monkeypatch.setattr(page.guard, "IDLE_S", 0.5)
    for path, kind in (("queue/join", "application/json"), ("upload", "multipart/form-data; boundary=x")):
        head = f"POST /gradio_api/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        answer = send_raw(served.url, f"{head}Content-Length: 100\r\n\r\n-".encode())
        assert answer.startswith(b"HTTP/1.1 408") and b"in time" in answer


def test_a_connection_without_a_request_is_closed(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from page.gradio_private import wrap_protocol
    from page.uvicorn_private import limit_silence

    before = served.page.server.config.http_protocol_class
    wrap_protocol(served.page, partial(limit_silence, silence_s=0.5))
    try:
        for text in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: local"):
            assert send_raw(served.url, text) == b""
        with httpx.Client() as client:  # one that asks again and again stays open
            for _ in range(4):
                assert client.get(f"{served.url}/gradio_api/startup-events").status_code == 200
                time.sleep(0.2)
        address = {"session_hash": "open"}
        with httpx.stream("GET", f"{served.url}/gradio_api/heartbeat/open", params=address) as stream:
            time.sleep(1)
            assert "ALIVE" in next(stream.iter_lines())
    finally:
        served.page.server.config.http_protocol_class = before


def test_an_upload_that_breaks_off_is_swept(served: Any) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    head = "POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n"
    part = '--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + "y" * 1000
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n{part}".encode())
        wait_until(served.list_files)
    check_s, age_s = served.page.delete_cache
    wait_until(lambda: not served.list_files(), age_s + 5 * check_s)


def wait_until(happened: Any, most_s: float = 10.0) -> None:
    end = time.monotonic() + most_s
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_uploads_together_have_a_bound(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import page.upload_folder

    monkeypatch.setattr(page.upload_folder, "MAX_BYTES", 100_000)
    url, codes = f"{served.url}/gradio_api/upload", []
    for number in range(12):  # never joined to the queue
        files = {"files": (f"{number}.png", os.urandom(20_000))}
        codes.append(httpx.post(url, files=files).status_code)
    assert codes[0] == 200 and codes[-1] == 507
    assert sum(path.stat().st_size for path in served.list_files()) <= 100_000
    large = httpx.post(url, content=iter([b"x"]), headers={"content-type": "multipart/form-data; boundary=x"})
    assert large.status_code == 507  # in chunks: it could be as large as any
    wait_until(lambda: not served.list_files(), 15)


def test_calls_of_programs_throw_away_no_photo(served: Any, portrait: Path) -> None:
    from page.gradio_private import MAX_EMPTY, holds_photo

    served.add(portrait, ["cnn-baseline"])
    sessions = served.page.app.state_holder
    assert holds_photo(sessions.session_data["tests"])
    live = next(key for key, block in served.page.blocks.items() if getattr(block, "elem_id", "") == "live")
    with httpx.Client() as client:
        for number in range(MAX_EMPTY + 20):
            body = {
                "data": {},
                "component_id": live,
                "session_hash": f"other{number}",
                "fn_name": "read_frame",
            }
            assert client.post(f"{served.url}/gradio_api/component_server", json=body).status_code == 200
    for _ in range(3):
        served.call(served.upload(portrait), ["cnn-baseline"])
    assert len(sessions.session_data) <= MAX_EMPTY + 2
    _, again, _ = served.press("choose_models", [None, ["resnet_48"]], {"held": True})
    assert "resnet_<wbr>48" in again and "fz-panel" in again


def test_the_sixty_fifth_photo_takes_the_place_of_the_oldest(served: Any) -> None:
    from app import SESSIONS

    sessions = served.page.app.state_holder
    sessions.session_data.clear()
    state = next(block._id for block in served.page.blocks.values() if block.stateful)
    for number in range(SESSIONS + 1):
        sessions[f"page{number}"][state] = "photo"
    sessions["one more"]
    kept = [key for key in sessions.session_data if key.startswith("page")]
    assert kept == [f"page{number}" for number in range(1, SESSIONS + 1)]
    sessions.session_data.clear()


def test_an_agent_cannot_call_what_is_no_tool(served: Any) -> None:
    pytest.importorskip("mcp", reason="mcp is not installed: pip install 'fer-zoo[mcp]'")
    call = {"name": "compare", "arguments": {"photo": "data:image/png;base64,AAAA"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers, before = {"accept": "application/json, text/event-stream"}, served.list_files()
    answer = httpx.post(f"{served.url}/gradio_api/mcp/", json=body, headers=headers)
    told = json.loads(next(line for line in answer.text.splitlines() if line.startswith("data: "))[6:])
    assert told.get("error") or told["result"]["isError"], told
    assert set(served.list_files()) <= set(before)


MALFORMED: list[tuple[str, Any]] = [
    ("call/compare", {"data": []}),
    ("call/compare", {"data": [5, 5]}),
    ("call/compare", {"data": [None, 5]}),
    ("call/compare_picture", {"data": [{}, None]}),
    ("call/nowhere", {"data": []}),
    ("call/v2/nowhere", {}),
    ("call/v2/compare", {"nothing": 1}),
    ("queue/join", {"data": [], "fn_index": 9999, "session_hash": "x"}),
    ("run/predict", {"data": [], "fn_index": -1}),
    ("component_server", {"data": 1, "component_id": 9999, "session_hash": "x", "fn_name": "y"}),
]


@pytest.mark.parametrize("path, body", MALFORMED)
def test_a_malformed_call_is_one_line_in_the_log(
    served: Any, path: str, body: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    answer = httpx.post(f"{served.url}/gradio_api/{path}", json=body)
    if answer.status_code == 200:
        ended = httpx.get(f"{served.url}/gradio_api/{path}/{answer.json()['event_id']}", timeout=30)
        assert "event: error" in ended.text
    assert "Traceback" not in "".join(capfd.readouterr()) + caplog.text
    (line,) = (record.getMessage() for record in caplog.records if record.name == "fer_zoo.artifacts.demo")
    assert "\n" not in line and len(line) < 500
