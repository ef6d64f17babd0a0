"""The language server: which message goes to which handler, and the loop that reads them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

import conexus
from conexus.lsp import handlers, protocol
from conexus.lsp.framing import FrameError, Frames
from conexus.lsp.rpc import Protocol, converter
from conexus.lsp.session import Session
from conexus.stdio import Input, Output

if TYPE_CHECKING:
    from collections.abc import Callable

_FULL_SECONDS = 0.01
_GOODBYE_SECONDS = 2.0

_FILES = types.FileOperationRegistrationOptions(
    [types.FileOperationFilter(types.FileOperationPattern("**/*"), scheme="file")]
)
_NOTEBOOKS = types.NotebookDocumentSyncOptions(
    [types.NotebookDocumentFilterWithNotebook(types.NotebookDocumentFilterNotebookType("jupyter-notebook"))],
    save=True,
)

HANDLERS: dict[str, Callable[..., Any]] = {
    types.INITIALIZE: handlers.initialize,
    types.INITIALIZED: handlers.initialized,
    types.TEXT_DOCUMENT_DID_OPEN: handlers.did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: handlers.did_change,
    types.TEXT_DOCUMENT_DID_SAVE: handlers.did_save,
    types.TEXT_DOCUMENT_DID_CLOSE: handlers.did_close,
    types.NOTEBOOK_DOCUMENT_DID_OPEN: handlers.did_open_notebook,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE: handlers.did_change_notebook,
    types.NOTEBOOK_DOCUMENT_DID_SAVE: handlers.did_save_notebook,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE: handlers.did_close_notebook,
    types.WORKSPACE_WILL_RENAME_FILES: handlers.will_rename,
    types.WORKSPACE_DID_RENAME_FILES: handlers.did_rename,
    types.WORKSPACE_DID_CREATE_FILES: handlers.did_create_or_delete,
    types.WORKSPACE_DID_DELETE_FILES: handlers.did_create_or_delete,
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: handlers.did_change_watched,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: handlers.did_change_folders,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: handlers.did_change_configuration,
    types.WINDOW_WORK_DONE_PROGRESS_CANCEL: handlers.cancel_progress,
    types.WORKSPACE_SYMBOL: handlers.workspace_symbol,
    "conexus/search": handlers.search,
    "conexus/grep": handlers.grep,
    "conexus/similar": handlers.similar,
    "conexus/related": handlers.related,
    "conexus/context": handlers.context,
    "conexus/history": handlers.history,
    "conexus/symbols": handlers.symbols,
    "conexus/explain": handlers.explain,
    "conexus/status": handlers.status,
    "conexus/reindex": handlers.reindex,
    "conexus/pause": handlers.pause,
    "conexus/resume": handlers.resume,
    "conexus/waitForRevision": handlers.wait_for_revision,
}
"""Method → handler. ``textDocument/documentSymbol`` joins them where the settings ask for it."""

_OPTIONS: dict[str, object] = dict.fromkeys(
    (
        types.WORKSPACE_WILL_RENAME_FILES,
        types.WORKSPACE_DID_RENAME_FILES,
        types.WORKSPACE_DID_CREATE_FILES,
        types.WORKSPACE_DID_DELETE_FILES,
    ),
    _FILES,
)


def serve(incoming: int, outgoing: int) -> int:
    """Serve one editor on two descriptors until it says ``exit`` or goes away; return the exit code."""
    return asyncio.run(_serve(incoming, outgoing))


async def _serve(incoming: int, outgoing: int) -> int:
    connection = connect(Output(outgoing))
    session = Session(connection)
    offer(session)
    try:
        await _read(Input(incoming), connection)
    finally:
        await session.close()
        connection.output.close(_GOODBYE_SECONDS)
    return connection.exit_code


def connect(output: Output) -> Protocol:
    """Return the server's end of a connection that writes to `output`."""
    server = LanguageServer(
        "conexus",
        conexus.__version__,
        notebook_document_sync=_NOTEBOOKS,
        protocol_cls=Protocol,
        converter_factory=converter,
    )
    assert isinstance(server.protocol, Protocol)
    server.protocol.output = output
    return server.protocol


def offer(session: Session) -> None:
    """Put the table of handlers into force for a session."""
    features = session.connection.fm
    for method, handler in HANDLERS.items():
        features.feature(method, _OPTIONS.get(method))(partial(handler, session))
    for command, method in protocol.COMMANDS.items():
        features.command(command)(features.features[method])


async def _read(incoming: Input, connection: Protocol) -> None:
    frames = Frames()
    while block := await incoming.block():
        for frame in frames.feed(block):
            if isinstance(frame, FrameError):
                connection.refuse_frame(frame)
            else:
                connection.receive(frame)
            if connection.ended:
                return
            while connection.output.full and not incoming.ended:
                # A client that does not read answers may not ask for more.
                await asyncio.sleep(_FULL_SECONDS)
