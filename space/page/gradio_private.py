"""What Gradio has under undocumented names alone, all as seen in its version 6.31: how it reads a call, keeps
sessions, and deletes uploads. Here it fetches nothing and forgets.
"""

import traceback
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState, StateHolder
from gradio.utils import get_upload_folder as get_upload_folder

from page.guard import describe, log
from page.request_rules import REFUSED_LINK

MALFORMED = "This call does not fit the page, or failed inside it: the server's log has a line about it."
MAX_EMPTY = 256  # sessions of API calls and of pages without a photo: forgotten first, with nothing lost


class OfflineBlocks(gr.Blocks):
    """Gradio would download a file that a caller gives as a link, for any input of any event."""

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        if has_link(inputs):
            raise gr.Error(REFUSED_LINK, print_exception=False)
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


def has_link(sent: Any) -> bool:
    """Whether JSON has a file that is a link, in any depth: Gradio takes what has a `path` for a file."""
    if isinstance(sent, dict):
        path = sent.get("path")
        is_link = isinstance(path, str) and path.startswith(("http://", "https://"))
        return is_link or any(map(has_link, sent.values()))
    return isinstance(sent, (list, tuple)) and any(map(has_link, sent))


def read_event(event: gr.EventData) -> Any:
    """All that the page's script sent with an event: a visitor may send anything."""
    return event._data


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


def find_upload_ages(app: Any) -> tuple[float, float]:
    """Seconds between two looks for old uploads, and from which age they are deleted. app: Gradio's."""
    check_s, age_s = app.get_blocks().delete_cache
    return check_s, age_s


class PhotoSessions(StateHolder):
    """Gradio would drop the oldest of all sessions, and each API call makes one: seventy calls would throw
    away every visitor's photo.
    """

    def update(self, session_id: str) -> None:
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            full = [key for key, session in self.session_data.items() if holds_photo(session)]
            empty = [key for key in self.session_data if key not in full]
            for keys, most in ((full, self.capacity), (empty, MAX_EMPTY)):
                for key in keys[: max(0, len(keys) - most)]:
                    del self.session_data[key]
                    self.time_last_used.pop(key, None)


def holds_photo(session: SessionState) -> bool:
    return any(value is not None for value in session.state_data.values())


def keep_photos(app: Any) -> None:
    """Only the sessions that hold a photo have a bounded place to lose. app: Gradio's, as it starts."""
    sessions = PhotoSessions()
    sessions.set_blocks(app.get_blocks())
    app.state_holder = sessions


def forget_when_closed(page: gr.Blocks) -> None:
    """Call inside the page's Blocks. Gradio alone would hold a closed page's photo for another hour."""

    def forget(request: gr.Request) -> None:
        page.app.state_holder.session_data.pop(request.session_hash or "", None)

    page.unload(forget)


def offer_tools(app: Any, endpoints: Collection[str]) -> None:
    """Offer to agents (MCP) these endpoints alone. app: Gradio's, as it starts."""
    server = app.get_blocks().mcp_server_obj
    if server:
        server.tool_to_endpoint = {k: v for k, v in server.tool_to_endpoint.items() if v in endpoints}


def wrap_protocol(page: gr.Blocks, wrap: Any) -> None:
    """For a page that is served: from now on its connections speak `wrap` of Uvicorn's protocol class."""
    config = page.server.config
    config.http_protocol_class = wrap(config.http_protocol_class)
