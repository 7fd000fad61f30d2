"""What the demo's process sets up around Gradio's server: limits, signals, proxies, clean-up."""

import asyncio
import ipaddress
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from page.request_rules import HOSTS_VARIABLE

if TYPE_CHECKING:
    from gradio import Blocks

SILENCE_S = 20.0  # a connection without a whole request's head is closed then


def exit_on_signals() -> None:
    """Exit in the main thread, so that the folder of uploads goes. What `nohup` ignores stays ignored."""
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)  # Windows has the first alone
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: sys.exit())


def raise_file_limit() -> None:
    """Each connection takes a file descriptor, and many systems begin with 1,024 or fewer."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (max(now, 10_240), most):  # macOS says "unlimited" and takes no more than the first
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def is_loopback(host: str | None) -> bool:
    """Whether a server that listens there is reached from this machine alone. None is Gradio's own choice."""
    host = host or os.environ.get("GRADIO_SERVER_NAME") or "localhost"
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def allow_name(name: str) -> None:
    """The guard answers requests for this host name, too, from now on."""
    kept = [kept for kept in os.environ.get(HOSTS_VARIABLE, "").split(",") if kept]
    os.environ[HOSTS_VARIABLE] = ",".join([*kept, name])


def bypass_proxy(host: str | None = None) -> None:
    """Gradio asks its own URL whether the page is there: a proxy for the web would be asked instead."""
    own = {"127.0.0.1", "localhost", host or os.environ.get("GRADIO_SERVER_NAME", "localhost")}
    kept = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [*filter(None, (host.strip() for host in kept.split(","))), *sorted(own)]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(dict.fromkeys(hosts))


def close_silent_connections(page: "Blocks", silence_s: float = SILENCE_S) -> None:
    """For a page that is served. Uvicorn has no bound for a connection that never sends its request."""
    config = page.server.config
    config.http_protocol_class = _limit_silence(config.http_protocol_class, silence_s)


def _limit_silence(protocol: type[Any], silence_s: float) -> type[Any]:
    class Impatient(protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._expect_request()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._expect_request()

        def _expect_request(self) -> None:
            self.loop.call_later(silence_s, self._close_if_silent, self.cycle)

        def _close_if_silent(self, cycle: Any) -> None:
            if self.cycle is cycle and (cycle is None or cycle.response_complete):
                self.transport.close()

    return Impatient


@asynccontextmanager
async def run_beside(app: Any) -> AsyncIterator[None]:
    """Gradio's sessions and tools as the demo wants them, and the sweep of uploads, while the app runs."""
    from page.endpoints import TOOLS
    from page.sessions import PhotoSessions

    page = app.get_blocks()
    sessions = PhotoSessions()
    sessions.set_blocks(page)
    app.state_holder = sessions
    if page.mcp_server_obj:
        offered = page.mcp_server_obj.tool_to_endpoint
        page.mcp_server_obj.tool_to_endpoint = {k: v for k, v in offered.items() if v in TOOLS}
    check_s, _ = page.delete_cache
    sweeping = asyncio.create_task(_keep_sweeping(page, check_s))
    yield
    sweeping.cancel()


async def _keep_sweeping(page: "Blocks", check_s: float) -> None:
    from page.upload_folder import sweep_page

    while True:
        await asyncio.sleep(check_s)
        await asyncio.to_thread(sweep_page, page)


def build_app_options() -> dict[str, Any]:
    """For Blocks.launch: app_kwargs=build_app_options()."""
    from starlette.middleware import Middleware

    from page.guard import Guard
    from page.upload_folder import admit_upload

    return {"middleware": [Middleware(Guard, admit_upload=admit_upload)], "lifespan": run_beside}
