"""What the demo's process sets up around Gradio's server: limits, signals, proxies, clean-up."""

import asyncio
import atexit
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from threading import Event
from typing import Any

from fer_zoo import FerZooError
from page.request_rules import HOSTS_VARIABLE


def exit_on_signals() -> Event:
    """Exit in the main thread, so that the folder of uploads goes. What `nohup` ignores stays ignored.

    After a signal, or once what this returns is set, the process ends with code 0 and without Python's own
    end, which takes torch and Gradio apart, for seconds, and aborts where a thread still computes. Call it
    before they are imported: what is registered first runs last.
    """
    ended = Event()
    atexit.register(_end_quickly, ended)

    def end(*_: object) -> None:
        ended.set()
        sys.exit()

    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)  # Windows has the first alone
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)
    return ended


def _end_quickly(ended: Event) -> None:
    if ended.is_set():
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):  # none, or closed
                stream.flush()
        os._exit(0)


def check_host(host: str | None) -> None:
    """Raises FerZooError for a name or address at which this machine cannot listen."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.bind(address)
    except (OSError, UnicodeError):
        given = f"{host!r} is no address of this machine"
        raise FerZooError(f"{given}: give --host 0.0.0.0 to listen at all of them.") from None


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


@asynccontextmanager
async def run_beside(app: Any) -> AsyncIterator[None]:
    """Gradio's sessions and tools as the demo wants them, and the sweep of uploads, while the app runs."""
    from page.endpoints import TOOLS
    from page.gradio_private import keep_photos, offer_tools

    keep_photos(app)
    offer_tools(app, TOOLS)
    sweeping = asyncio.create_task(_keep_sweeping(app))
    yield
    sweeping.cancel()


async def _keep_sweeping(app: Any) -> None:
    from page.gradio_private import find_upload_ages
    from page.upload_folder import sweep_uploads

    while True:
        await asyncio.sleep(find_upload_ages(app)[0])
        await asyncio.to_thread(sweep_uploads, app)
