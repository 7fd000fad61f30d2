"""Gradio's Blocks that fetch nothing and forget: what a visitor writes cannot send this server anywhere."""

from collections.abc import Iterator
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


class SteadySet(set[str]):
    """Names of uploads. Gradio deletes the old ones in a thread while others are added: one upload in that
    moment would change the set under it, and end its deleting for good.
    """

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().__iter__()))


def keep_deleting(page: gr.Blocks) -> None:
    """For a page that is built and has no uploads yet."""
    page.upload_file_set = SteadySet()
    for block in page.blocks.values():
        block.temp_files = SteadySet()
    page.temp_file_sets = [page.upload_file_set, *(block.temp_files for block in page.blocks.values())]


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
