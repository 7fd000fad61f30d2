"""The private names of other libraries that the modules `*_private` use: a version that drops one is told."""

import argparse
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import pytest

NAMES = [
    "argparse:_SubParsersAction",
    "gradio:Blocks.preprocess_data",
    "gradio:Blocks.process_api",
    "gradio.routes:App.get_blocks",
    "gradio.state_holder:SessionState",
    "gradio.state_holder:StateHolder.set_blocks",
    "gradio.state_holder:StateHolder.update",
    "gradio.utils:get_upload_folder",
    "torch:_standard_gamma",
    "torch._dynamo.exc:TorchDynamoException",
    "torch.cpu:_is_avx512_bf16_supported",
    "torch.utils._python_dispatch:TorchDispatchMode",
    "torch.utils._pytree:tree_iter",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_library_has_its_private_name(name: str) -> None:
    assert resolve_name(name)


def make_block() -> Any:
    import gradio as gr

    with gr.Blocks():
        return gr.HTML("")


def make_page() -> Any:
    import gradio as gr

    return gr.Blocks()


def make_app() -> Any:
    from gradio.routes import App

    return App.create_app(make_page())


def make_event() -> Any:
    import gradio as gr

    return gr.EventData(None, {})


def make_sessions() -> Any:
    from gradio.state_holder import StateHolder

    return StateHolder()


def make_session() -> Any:
    from gradio.state_holder import SessionState

    return SessionState(make_page())


def make_config() -> Any:
    import uvicorn

    config = uvicorn.Config(make_app())
    config.load()
    return config


def make_connection() -> Any:
    import asyncio

    from uvicorn.server import ServerState

    config, loop = make_config(), asyncio.new_event_loop()
    try:
        return config.http_protocol_class(config, ServerState(), {}, loop)
    finally:
        loop.close()


def make_operation() -> Any:
    import torch

    return torch.ops.aten.add.Tensor


OBJECTS: dict[Callable[[], Any], str] = {
    argparse.ArgumentParser: "_actions",
    make_page: "upload_file_set temp_file_sets blocks delete_cache mcp_server_obj",
    make_block: "temp_files",
    make_app: "state_holder",
    make_event: "_data",
    make_sessions: "lock session_data time_last_used capacity",
    make_session: "state_data",
    make_config: "http_protocol_class",
    make_connection: "connection_made on_response_complete loop cycle transport",
    make_operation: "_schema",
}


@pytest.mark.parametrize("make", OBJECTS, ids=lambda make: make.__name__)
def test_a_library_s_object_has_its_private_attributes(make: Callable[[], Any]) -> None:
    made = make()
    assert [name for name in OBJECTS[make].split() if not hasattr(made, name)] == []
