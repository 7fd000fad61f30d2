"""The demo: several facial-expression models side by side on one photo. `python app.py` serves it."""

import os
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from socket import gethostname
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fer_zoo import FerZooError, isolate_decoding
from page.limits import LARGEST_ZIP
from page.words import label, say

if TYPE_CHECKING:
    from gradio import Blocks

HERE = Path(__file__).parent
LARGEST_UPLOAD = LARGEST_ZIP  # a picture of over 10 MB is refused when it is read
WAITING = (
    96  # jobs in the queue: fifty people at once wait a few seconds; the next ones are told to try again
)
SESSIONS = 64  # pages that show a photo, each of at most 10 MB, which the memory holds

# Gradio looks every 10 s for uploads older than this. They are not removed right after reading, because equal
# pictures of two visitors share one path: the second visitor's file would vanish while it waits in the queue.
# 24 jobs of the longest kind of a single photo, eight seconds, two at a time, are over in 100 s.
# What broke off is swept two looks later, still within five minutes.
UPLOAD_CHECK_S, UPLOAD_AGE_S = 10, 260


def build_page(
    upload_check_s: int = UPLOAD_CHECK_S, upload_age_s: int = UPLOAD_AGE_S, models: Sequence[str] = ()
) -> "Blocks":
    """The page, not yet served. Gradio's version check and telemetry are off from here on.

    models: as of `launch`. Raises FerZooError for one that does not exist.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported and when Blocks is made
    import gradio as gr

    from about_tab.about_view import build_about
    from batch_tab.batch_view import build_batch
    from compare_tab.compare_view import build_compare
    from live_tab.live_view import build_live
    from models_tab.models_view import build_models
    from page.endpoints import add_endpoints
    from page.gradio_private import OfflineBlocks, forget_when_closed, keep_deleting
    from page.head import build_head
    from page.offered_models import offer_models
    from video_tab.video_view import build_video

    offer_models(models)
    with OfflineBlocks(title=say("en", "page.title"), delete_cache=(upload_check_s, upload_age_s)) as page:
        build_head(page)
        with gr.Tabs(overflow_behavior="wrap"):  # in one row that scrolls, not in a menu; ids are addresses
            with gr.Tab(label("page.compare"), id="compare"):
                build_compare(page)
            with gr.Tab(label("live.tab"), id="live"):
                build_live(page)
            with gr.Tab(label("video.tab"), id="video"):
                build_video(page)
            with gr.Tab(label("batch.tab"), id="batch"):
                build_batch(page)
            with gr.Tab(label("page.models"), id="models"):
                build_models(page)
            with gr.Tab(label("page.about"), id="about"):
                build_about(page)
        add_endpoints()
        forget_when_closed(page)
    keep_deleting(page)
    return page.queue(max_size=WAITING, api_open=False)  # no call gets past the queue


def launch_options() -> dict[str, Any]:
    """For Blocks.launch, after `build_page`, which brings the words: nothing recorded, nothing fetched,
    bounded uploads, one quiet theme, two languages.
    """
    import gradio as gr
    from starlette.middleware import Middleware

    from page.guard import Guard
    from page.server import run_beside
    from page.upload_folder import admit_upload
    from page.words import build_translations

    theme = gr.themes.Default(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_md,
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(  # the hue's own 500 is too pale for text and ticks on white
        color_accent="*primary_700",
        checkbox_background_color_selected="*primary_700",
        checkbox_border_color_selected="*primary_700",
    )
    return {
        "theme": theme,
        "css_paths": [
            HERE / room / "style.css"
            for room in ("page", "compare_tab", "live_tab", "video_tab", "batch_tab")
        ],
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "enable_monitoring": False,
        "max_file_size": LARGEST_UPLOAD,
        "state_session_capacity": SESSIONS,
        "i18n": build_translations(),
        "app_kwargs": {"middleware": [Middleware(Guard, admit_upload=admit_upload)], "lifespan": run_beside},
        "mcp_server": find_spec("mcp") is not None,  # agents may ask, too, where pip has installed "mcp"
        "quiet": True,
    }


def serve(
    page: "Blocks",
    port: int | None = None,
    open_browser: bool = False,
    host: str | None = None,
    share: bool = False,
) -> str:
    """Serve the page in a thread; returns its URL, with `share` the public one.

    Raises OSError where the port is taken, and FerZooError where no public address is given.
    """
    from page.gradio_private import wrap_protocol
    from page.server import allow_name, bypass_proxy, raise_file_limit
    from page.uvicorn_private import limit_silence

    raise_file_limit()
    bypass_proxy(host)
    if host:
        allow_name(host)
    with redirect_stdout(StringIO()):  # Gradio announces MCP even when it is to be quiet
        _, url, public = page.launch(
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            share=share,
            prevent_thread_lock=True,
            **launch_options(),
        )
    wrap_protocol(page, limit_silence)
    if share and not public:
        raise FerZooError("No public address: --share needs the internet. Run fer-zoo demo without it.")
    if public:
        allow_name(str(urlsplit(public).hostname))
    Thread(target=warm_up, daemon=True).start()
    return str(public or url)


def warm_up() -> None:
    """Read an example with the models that are ticked, so that no visitor waits while they are loaded."""
    from compare_tab.example_photos import list_examples
    from page.offered_models import create_recognizer, list_first_ticked

    with suppress(FerZooError):  # it is said to whoever asks for them
        create_recognizer(list_first_ticked()).inspect(list_examples()[0].path.read_bytes(), keep_going=True)


def launch(
    port: int | None = None,
    open_browser: bool = False,
    host: str | None = None,
    share: bool = False,
    models: Sequence[str] = (),
    fetch: bool = False,
) -> None:
    """Serve the page until Ctrl-C or a signal that ends it. The parameters are the options of `fer-zoo demo`.

    port: None leaves the choice to Gradio and its environment. host: None is this machine alone.
    Raises OSError where the port is taken, and FerZooError where a model does not exist, the host is not this
    machine, or no public address is given.
    """
    from page.server import check_host, exit_on_signals, is_loopback

    ended = exit_on_signals()
    check_host(host)
    if fetch:
        os.environ["FER_ZOO_DEMO_FETCH"] = "1"
    with TemporaryDirectory(prefix="fer_zoo_demo_") as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads  # ours alone; Gradio's own folder is shared by all its apps
        isolate_decoding()  # a hostile picture or video ends a child, not the page
        page = build_page(models=models)
        url = serve(page, port, open_browser, host, share)
        print(f"The demo is at {url} (Ctrl-C stops it)", flush=True)
        if share or not is_loopback(host):
            other = url if share else f"http://{gethostname()}:{page.server_port}/"
            print(f"Everybody who can reach {other} can use it.", flush=True)
        page.block_thread()
    ended.set()


if __name__ == "__main__":
    launch()
