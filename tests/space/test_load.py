"""Twenty people at once, over HTTP to the page in its own process. Run with `-m slow`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from free_port import free_port
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from siege_server import read_memory_mb

import fer_zoo

pytestmark = pytest.mark.slow

USERS, CLICKS = 20, 3
BUSY = "Queue is full"
GROWTH_MB = 150  # allowed from the first wave, which loads weights and fills buffers, to the last
READY_S = 8  # of processor time, which is what a machine with nothing else to do takes


class Running(NamedTuple):
    """ready_s: processor time until the page answered."""

    url: str
    process: int
    ready_s: float


def read_processor_s(process: int) -> float:
    """Seconds of processor time that a process has used: fields 14 and 15 of proc(5)'s stat."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`fer-zoo demo` with the embedded weights, started as a user starts it."""
    port = free_port()
    folder = tmp_path_factory.mktemp("temporary")
    home = str(Path(fer_zoo.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": home, "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "fer_zoo", "demo", "--port", str(port)]
    page = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert page.stdout is not None
        url = next(word for word in page.stdout.readline().split() if word.startswith("http"))
        assert httpx.get(url, timeout=60).status_code == 200
        yield Running(url, page.pid, read_processor_s(page.pid))
    finally:
        page.terminate()
        page.wait(20)


def test_page_is_ready_soon(running: Running) -> None:
    assert running.ready_s < READY_S


def test_twenty_users_at_once_get_an_answer_or_a_polite_no(running: Running, portrait: Path) -> None:
    patient = {"timeout": 60}
    clients = [Client(running.url, verbose=False, httpx_kwargs=patient) for _ in range(USERS)]

    def ask(client: Client) -> str:
        try:
            answer: dict[str, Any] = client.predict(
                photo=handle_file(str(portrait)), models=None, api_name="/compare"
            )
        except AppError as error:
            return str(error)
        assert len(answer["faces"]) == 1
        return "answered"

    memory = []
    for _ in range(CLICKS):
        with ThreadPoolExecutor(USERS) as pool:
            results = list(pool.map(ask, clients))
        assert all(result == "answered" or BUSY in result for result in results), results
        assert results.count("answered") >= USERS // 2
        memory.append(read_memory_mb(running.process))
    print(f"ready in {running.ready_s:.1f} s, memory after each wave: {memory} MB")
    assert memory[-1] - memory[0] < GROWTH_MB
