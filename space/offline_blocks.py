"""Gradio's Blocks that fetch nothing: what a visitor writes cannot send this server anywhere."""

from typing import Any

import gradio as gr
from gradio_client.utils import is_file_obj, is_http_url_like, traverse
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

REFUSED = "A link is not fetched. Send the picture itself."


class OfflineBlocks(gr.Blocks):
    """Gradio would download a file that a caller gives as a link, for any input of any event."""

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        traverse(inputs, _refuse, _is_link)
        return await super().preprocess_data(block_fn, inputs, state, explicit_call)


def _is_link(value: Any) -> bool:
    return is_file_obj(value) and is_http_url_like(value["path"])


def _refuse(_: Any) -> None:
    raise gr.Error(REFUSED, print_exception=False)


class RefuseLinks:
    """Gradio's route for files would fetch a link that stands in its address, and pass on what it finds."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, _, path = scope.get("path", "").partition("/file=")
        app = PlainTextResponse(REFUSED, status_code=403) if is_http_url_like(path) else self.app
        await app(scope, receive, send)


def build_middleware() -> list[Middleware]:
    """For Blocks.launch: app_kwargs={"middleware": build_middleware()}."""
    return [Middleware(RefuseLinks)]
