"""The ASGI middleware around the demo: what `page.request_rules` refuses does not reach Gradio."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from page.request_rules import ROUTES, Refusal, Route, check_head, find_route, list_hosts, too_large

IDLE_S = 20.0  # without a byte of a body that has begun
MAX_JSON_ITEMS = 50_000  # brackets and commas; a drop of 1,000 files has about 10,000

log = logging.getLogger("fer_zoo.artifacts.demo")


def describe(error: Exception) -> str:
    """One line for the log; the rest of a message may hold what the visitor sent."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:120]!r}"


class BodyError(Exception):
    """The body breaks the bounds of its route."""


class Exchange:
    """One request and its answer. A body over its bounds turns the app's answer into the refusal."""

    def __init__(self, route: Route, receive: Receive, send: Send) -> None:
        self.route, self._receive, self._send = route, receive, send
        self.refusal: Refusal | None = None
        self.started = self.ended = self.complete = False
        self._bytes = self._items = 0
        self._deadline = time.monotonic() + route.seconds

    async def receive(self) -> Message:
        if self.complete:  # what is left to come is the news that the client has gone
            return await self._receive()
        try:
            seconds = min(IDLE_S, self._deadline - time.monotonic())
            message = await asyncio.wait_for(self._receive(), seconds)
        except (asyncio.TimeoutError, TimeoutError):
            self._refuse(Refusal(408, "The rest of the body did not come in time."))
        self._count(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        return message

    def _count(self, body: bytes) -> None:
        self._bytes += len(body)
        if self._bytes > self.route.most_bytes:
            self._refuse(too_large(self.route))
        if self.route.json:
            self._items += sum(map(body.count, (b",", b"[", b"{")))
            if self._items > MAX_JSON_ITEMS:
                self._refuse(Refusal(413, f"The JSON has over {MAX_JSON_ITEMS:,} items; send less."))

    def _refuse(self, refusal: Refusal) -> None:
        self.refusal = refusal
        raise BodyError(refusal.line)

    async def send(self, message: Message) -> None:
        if self.refusal and not self.started:
            return  # what the app makes of the broken body
        if message["type"] == "http.response.start":
            self.started = True
            MutableHeaders(scope=message)["X-Content-Type-Options"] = "nosniff"
        else:
            self.ended = not message.get("more_body", False)
        await self._send(message)


class Guard:
    """admit_upload: given Gradio's app and the bytes of all uploads under way, why it cannot be."""

    def __init__(self, app: ASGIApp, admit_upload: Callable[[Any, int], Refusal | None]) -> None:
        self.app, self.admit_upload = app, admit_upload
        self.expected_bytes = 0  # of uploads that are under way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:  # the page opens no web socket
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, headers = scope["method"], Headers(scope=scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        route = find_route(method, path) or ROUTES[0]
        exchange = Exchange(route, receive, send)
        refusal = check_head(method, path, headers, list_hosts())
        expected = 0
        if not refusal and path.endswith("/upload"):
            expected = int(headers.get("content-length", route.most_bytes))
        self.expected_bytes += expected
        try:
            if expected:
                refusal = await asyncio.to_thread(self.admit_upload, scope["app"], self.expected_bytes)
            if not refusal:
                await self.app(scope, exchange.receive, exchange.send)
        except Exception as error:
            if not exchange.refusal:
                log.warning("%s %.200r: %s", method, path, describe(error))
                refusal = Refusal(500, "This request could not be answered.")
        finally:
            self.expected_bytes -= expected
        await finish(exchange, refusal or exchange.refusal, scope)


async def finish(exchange: Exchange, refusal: Refusal | None, scope: Scope) -> None:
    """Answer with the refusal, or end the answer that the app had begun before it failed."""
    if not refusal or exchange.ended:
        return
    if exchange.started:
        await exchange.send({"type": "http.response.body"})
        return
    exchange.refusal = None
    close = {"Connection": "close"}  # the rest of a body is not read
    answer = PlainTextResponse(refusal.line, refusal.status, close)
    await answer(scope, exchange.receive, exchange.send)
