"""Gradio's Blocks that fetch nothing and forget: what a visitor writes cannot send this server anywhere."""

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio_client.utils import is_file_obj, is_http_url_like, traverse

from page.guard import describe, log
from page.request_rules import REFUSED_LINK

MALFORMED = "This call does not fit the page, or failed inside it: the server's log has a line about it."


class OfflineBlocks(gr.Blocks):
    """Gradio would download a file that a caller gives as a link, for any input of any event."""

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        traverse(inputs, _refuse, _is_link)
        return await super().preprocess_data(block_fn, inputs, state, explicit_call)

    async def process_api(self, block_fn: Any, *args: Any, **options: Any) -> dict[str, Any]:
        """Gradio would print a traceback of some 30 lines for each malformed call."""
        try:
            return await super().process_api(block_fn, *args, **options)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            name = getattr(block_fn, "name", block_fn)
            log.warning("%s: %s:%s: %s", name, Path(last.filename).name, last.lineno, describe(error))
            raise gr.Error(MALFORMED, print_exception=False) from None


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
    raise gr.Error(REFUSED_LINK, print_exception=False)
