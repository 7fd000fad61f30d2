"""Programs and agents: what they are offered, and that no link of theirs sends the server anywhere."""

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError


@pytest.fixture(scope="module")
def client(served: Any) -> Client:
    return Client(served.url, verbose=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hosts that the server looks up: the first step of Gradio's own download."""
    import safehttpx

    hosts: list[str] = []

    async def note(host: str, *_: Any, **__: Any) -> str:
        hosts.append(host)
        raise ValueError("outside")

    monkeypatch.setattr(safehttpx, "async_validate_url", note)
    return hosts


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A server of somebody else's on loopback: its address, and what was asked of it."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815 - the name that the standard library calls

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/secret.png", requests
        server.shutdown()


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}], ids=["bare", "as uploaded"])
def test_endpoints_fetch_no_link(served: Any, elsewhere: Any, asked: list[str], meta: dict[str, Any]) -> None:
    url, requests = elsewhere
    for link in (url, "https://example.org/secret.png"):
        file = {"path": link, "url": link, **meta}
        assert "event: error" in served.call(file)
        assert "event: error" in served.call(None, [file])
        assert "event: error" in served.call({"path": "", "inside": [file]})
        assert "event: error" in served.call(link, name="compare_picture")
        with pytest.raises(RuntimeError, match="link is not fetched"):
            served.press("read_batch", [[file], ["cnn-baseline"]])
        assert "no uploaded picture" in served.add(file, ["cnn-baseline"])
    assert requests == asked == []


def test_route_for_files_fetches_no_link(served: Any, elsewhere: Any, asked: list[str]) -> None:
    url, requests = elsewhere
    for link in (url, url.replace(":", "%3A").replace("/", "%2F"), "https://example.org/secret.png"):
        for method in ("GET", "HEAD"):
            assert httpx.request(method, f"{served.url}/gradio_api/file={link}").status_code in (403, 404)
    assert requests == asked == []


def test_picture_as_text_gives_json_as_text(served: Any, client: Client, portrait: Path) -> None:
    encoded = base64.b64encode(portrait.read_bytes()).decode()
    broken_lines = base64.encodebytes(portrait.read_bytes()).decode()  # as `base64` and e-mail have it
    for photo in (encoded, f"data:image/png;base64,{encoded}", broken_lines):
        answer = json.loads(client.predict(photo=photo, models="resnet_48", api_name="/compare_picture"))
        (face,) = answer["faces"]
        assert answer["image"] == "picture" and list(face["models"]) == ["resnet_48"]
    for wrong in (str(portrait), "no base64!"):
        with pytest.raises(AppError, match="no picture in base64"):
            client.predict(photo=wrong, models=None, api_name="/compare_picture")
    with pytest.raises(AppError, match="over 10 MB"):
        client.predict(photo="A" * 14_000_000, models=None, api_name="/compare_picture")


def test_agents_find_one_tool_that_keeps_no_file(served: Any, portrait: Path) -> None:
    pytest.importorskip("mcp", reason="mcp is not installed: pip install 'fer-zoo[mcp]'")
    from gradio.mcp import DEFAULT_TEMP_DIR

    encoded = base64.b64encode(portrait.read_bytes()).decode()
    before = set(Path(DEFAULT_TEMP_DIR).rglob("*"))
    tools, answer, refused = asyncio.run(use_as_agent(f"{served.url}/gradio_api/mcp/", encoded))
    (tool,) = tools
    assert tool.name == "compare_picture" and "seven facial expressions" in tool.description
    told = tool.inputSchema["properties"]["photo"]["description"]
    assert "base64" in told and told.endswith("no link or path.")  # not cut
    assert [list(face["models"]) for face in json.loads(answer)["faces"]] == [["cnn-baseline"]]
    assert "no picture in base64" in refused
    assert set(Path(DEFAULT_TEMP_DIR).rglob("*")) == before


async def use_as_agent(url: str, encoded: str) -> tuple[list[Any], str, str]:
    """The tools on offer, the answer to a picture, and the answer to a link."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async with (
        streamablehttp_client(url) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = (await session.list_tools()).tools
        answers = []
        for photo in (encoded, "https://example.org/secret.png"):
            call = {"photo": photo, "models": ["cnn-baseline"]}
            answers.append((await session.call_tool("compare_picture", call)).content[0].text)
    return tools, answers[0], answers[1]


def test_an_upload_while_old_ones_are_deleted_does_not_end_the_deleting(tmp_path: Path) -> None:
    """Gradio's own sets would raise here, in the thread that deletes, and nobody would start it again."""
    from gradio.route_utils import delete_files_created_by_app

    from app import build_page

    page = build_page()
    for names in page.temp_file_sets:
        old = tmp_path / "old.png"
        old.write_bytes(b"")
        names.add(str(old))
        for name in names:
            names.add(f"{name}.next")
        delete_files_created_by_app(page, age=None)
        assert not old.exists() and str(old) not in names
    known = {id(names) for names in page.temp_file_sets}
    assert {id(block.temp_files) for block in page.blocks.values()} | {id(page.upload_file_set)} == known
