"""`fer-zoo demo` as a process: proxies, signals, file descriptors."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from free_port import free_port
from gradio_client import Client, handle_file

import fer_zoo

HOME = Path(fer_zoo.__file__).parents[1]


def restore_signals() -> None:
    for name in ("SIGHUP", "SIGINT", "SIGQUIT"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[Any, str, Path]]:
    """`fer-zoo demo` behind a proxy that is not there, and with few file descriptors."""
    proxy = f"http://127.0.0.1:{free_port()}"
    environment = {**os.environ, "PYTHONPATH": str(HOME), "TMPDIR": str(tmp_path)}
    for name in ("no_proxy", "NO_PROXY"):
        environment.pop(name, None)
    environment |= dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "https_proxy"), proxy)
    command = f"ulimit -Sn 256; exec {sys.executable} -m fer_zoo demo --port {free_port()}"
    demo = subprocess.Popen(
        ["bash", "-c", command],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=restore_signals,  # tests in the background, as under nohup, ignore some of them
    )
    try:
        assert demo.stdout is not None
        url = next(word for word in demo.stdout.readline().split() if word.startswith("http")).rstrip("/")
        yield demo, url, tmp_path
    finally:
        demo.kill()
        demo.wait(20)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has neither signal")
@pytest.mark.parametrize("name", ["SIGHUP", "SIGQUIT", "SIGTERM", "SIGINT"])
def test_a_signal_leaves_no_photo_behind(started: Any, name: str, portrait: Path) -> None:
    """Also: the demo starts, and answers, where the environment names a proxy."""
    demo, url, temporary = started
    if name == "SIGHUP":
        page = Client(url, verbose=False)
        answer = page.predict(photo=handle_file(str(portrait)), models=["cnn-baseline"], api_name="/compare")
        assert len(answer["faces"]) == 1
    upload = httpx.Client(trust_env=False).post
    (path,) = upload(f"{url}/gradio_api/upload", files={"files": ("a.png", b"photo")}).json()
    assert Path(path).is_relative_to(temporary)
    demo.send_signal(getattr(signal, name))
    assert demo.wait(20) == 0
    assert [path for path in temporary.iterdir() if path.name.startswith("fer_zoo_demo_")] == []


def test_an_ended_demo_is_not_taken_apart() -> None:
    """That took seconds, and aborted where a model was still being loaded."""
    code = """
import app
from types import SimpleNamespace

class Library:
    def __del__(self):
        print("taken apart", flush=True)

library = Library()
app.build_page = lambda models: SimpleNamespace(block_thread=lambda: None)
app.serve = lambda *_: "http://127.0.0.1/"
app.launch()
"""
    environment = {**os.environ, "PYTHONPATH": f"{HOME}:{HOME / 'space'}"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0 and "The demo is at" in ran.stdout and "taken apart" not in ran.stdout, ran


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.1"])
def test_a_host_that_is_not_this_machine_is_told(host: str) -> None:
    from page.server import check_host

    for own in (None, "127.0.0.1", "0.0.0.0", "localhost"):
        check_host(own)
    with pytest.raises(fer_zoo.FerZooError, match="no address of this machine: give --host"):
        check_host(host)


@pytest.mark.skipif(sys.platform == "win32", reason="file descriptors have no such limit there")
def test_many_half_open_connections_leave_the_demo_reachable(started: Any) -> None:
    _, url, _ = started
    host, port = url.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(400)]
    try:
        assert httpx.Client(trust_env=False, timeout=10).get(url).status_code == 200
    finally:
        for connection in silent:
            connection.close()
