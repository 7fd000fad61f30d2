"""The rules for requests and uploads, without a server."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.datastructures import Headers


def test_the_hosts_of_a_space_and_of_a_proxy_are_known(
    space_modules: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from page.request_rules import is_known_host, is_own_origin, list_hosts

    monkeypatch.setenv("SPACE_HOST", "owner-name.hf.space")
    monkeypatch.setenv("FER_ZOO_DEMO_HOSTS", "faces.example.org, Other.example")
    hosts = list_hosts()
    for name in ("owner-name.hf.space", "faces.example.org:443", "other.example", "localhost:7860"):
        assert is_known_host(name, hosts)
    assert is_own_origin("https://faces.example.org", "127.0.0.1:7860", hosts)
    assert not is_own_origin("http://localhost:9", "localhost:7860", hosts)


def test_sweep_goes_by_age_and_says_what_is_left(space_modules: None, tmp_path: Path) -> None:
    from page.upload_folder import sweep

    (tmp_path / "hash").mkdir()
    (tmp_path / "hash" / "photo.png").write_bytes(b"x" * 5000)
    now = time.time()
    assert sweep(tmp_path, 100, now) >= 5000 and (tmp_path / "hash" / "photo.png").exists()
    sweep(tmp_path, 100, now + 101)
    assert not (tmp_path / "hash" / "photo.png").exists()
    assert sweep(tmp_path, 100, time.time() + 101) == 0 and list(tmp_path.iterdir()) == []


def test_rules_know_no_length_but_a_number(space_modules: None) -> None:
    from page.request_rules import check_head

    for length in ("-1", "1e9", "9" * 30):
        headers = Headers({"host": "localhost", "content-length": length})
        refusal = check_head("POST", "/gradio_api/upload", headers, {"localhost"})
        assert refusal and refusal.status == 413


def test_uploads_under_way_count_before_they_are_written(space_modules: None) -> None:
    from page.guard import Guard
    from page.request_rules import Refusal

    seen: list[int] = []

    def admit(_: Any, expected_bytes: int) -> Refusal | None:
        seen.append(expected_bytes)
        time.sleep(0.2)
        return Refusal(507, "full") if expected_bytes > 150 else None

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    async def upload(guard: Guard) -> int:
        blocks = SimpleNamespace(get_blocks=lambda: None)
        headers = [(b"host", b"localhost"), (b"content-length", b"100")]
        scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload", "headers": headers}
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await guard({**scope, "app": blocks}, send, send)  # type: ignore[arg-type]
        return int(sent[0]["status"])

    async def upload_twice() -> list[int]:
        guard = Guard(app, admit)
        codes = await asyncio.gather(upload(guard), upload(guard))
        assert guard.expected_bytes == 0
        return sorted(codes)

    assert asyncio.run(upload_twice()) == [200, 507] and seen == [100, 200]
