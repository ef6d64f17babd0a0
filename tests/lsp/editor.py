"""An editor for tests: pytest-lsp's client with the capabilities of real ones, and typing made easy."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest_lsp
from attrs import field, frozen
from lsprotocol import types
from lsprotocol.converters import get_converter
from pygls.exceptions import JsonRpcInvalidRequest
from pygls.protocol import JsonRPCRequestMessage
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES, register_lsp_features

from conexus.lsp import positions
from conexus.lsp.rpc import converter

if TYPE_CHECKING:
    from pathlib import Path

SHOP = """\
//- /shop/basket.py
class Basket:
    \"\"\"What a customer wants to buy.\"\"\"

    def total(self, prices):
        \"\"\"Add up the prices of all articles.\"\"\"
        return sum(prices[article] for article in self.articles)


def apply_voucher(total, voucher):
    \"\"\"Reduce the total by a voucher, never below zero.\"\"\"
    return max(0, total - voucher.amount)
//- /shop/mail.py
def send_invoice(customer, basket):
    \"\"\"Send the invoice by mail.\"\"\"
    return customer.mailbox.deliver(basket)
"""
"""Files that many tests ask about, in the fixture format of tests/conftest.py."""

COMMAND = [sys.executable, "-m", "conexus", "lsp", "--stdio"]

_VS_CODE: dict[str, Any] = {
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {
            "documentChanges": True,
            "resourceOperations": ["create", "rename", "delete"],
            "failureHandling": "textOnlyTransactional",
            "metadataSupport": True,
            "snippetEditSupport": True,
        },
        "configuration": True,
        "didChangeWatchedFiles": {"dynamicRegistration": True, "relativePatternSupport": True},
        "symbol": {
            "dynamicRegistration": True,
            "symbolKind": {"valueSet": list(range(1, 27))},
            "tagSupport": {"valueSet": [1]},
            "resolveSupport": {"properties": ["location.range"]},
        },
        "didChangeConfiguration": {"dynamicRegistration": True},
        "workspaceFolders": True,
        "fileOperations": {
            "dynamicRegistration": True,
            **dict.fromkeys(
                ("didCreate", "didRename", "didDelete", "willCreate", "willRename", "willDelete"), True
            ),
        },
        "executeCommand": {"dynamicRegistration": True},
    },
    "textDocument": {
        "synchronization": {
            "dynamicRegistration": True,
            "willSave": True,
            "willSaveWaitUntil": True,
            "didSave": True,
        },
        "documentSymbol": {
            "dynamicRegistration": True,
            "symbolKind": {"valueSet": list(range(1, 27))},
            "hierarchicalDocumentSymbolSupport": True,
        },
    },
    "window": {
        "showMessage": {"messageActionItem": {"additionalPropertiesSupport": True}},
        "showDocument": {"support": True},
        "workDoneProgress": True,
    },
    "general": {
        "staleRequestSupport": {"cancel": True, "retryOnContentModified": []},
        "positionEncodings": ["utf-16"],
    },
    "notebookDocument": {"synchronization": {"dynamicRegistration": True, "executionSummarySupport": True}},
}


@frozen
class Preset:
    """Who the client says it is."""

    name: str
    version: str
    encoding: str
    capabilities: types.ClientCapabilities = field(repr=False)


VS_CODE = Preset(
    "Visual Studio Code",
    "1.105.1",
    "utf-16",
    get_converter().structure(_VS_CODE, types.ClientCapabilities),
)
NEOVIM = Preset("Neovim", "0.11.4", "utf-8", pytest_lsp.client_capabilities("neovim@v0.11"))


class Client(pytest_lsp.LanguageClient):
    """pytest-lsp's client that takes partial results, and remembers states and registrations."""

    def __init__(self) -> None:
        super().__init__(converter_factory=converter)
        self.parts: dict[Any, list[Any]] = {}
        self.bars: dict[Any, list[dict[str, Any]]] = {}
        self.states: list[dict[str, Any]] = []
        self.registered: list[types.Registration] = []
        self.registers = asyncio.Event()
        """Unset, registrations wait for their answer."""
        self.registers.set()
        self.refuses = False
        features = {
            **DEFAULT_CLIENT_FEATURES,
            types.PROGRESS: partial(Client._progress, self),
            types.WINDOW_WORK_DONE_PROGRESS_CREATE: partial(Client._create, self),
            types.CLIENT_REGISTER_CAPABILITY: partial(Client._register, self),
            "conexus/statusChanged": partial(Client._state, self),
        }
        register_lsp_features(self, features)

    def _progress(self, params: types.ProgressParams) -> None:
        value: Any = params.value
        if params.token in self.bars:
            self.bars[params.token].append(value)
        else:
            self.parts.setdefault(params.token, []).append(value)

    def _create(self, params: types.WorkDoneProgressCreateParams) -> None:
        self.bars[params.token] = []

    async def _register(self, params: types.RegistrationParams) -> None:
        await self.registers.wait()
        if self.refuses:
            raise JsonRpcInvalidRequest("this client registers nothing")
        self.registered += params.registrations

    def _state(self, params: dict[str, Any]) -> None:
        self.states.append(params)


class Editor:
    """One editor with one server process of its own."""

    def __init__(self, preset: Preset, home: Path) -> None:
        self.preset = preset
        self.client = Client()
        self.environment = environment(home)
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}

    async def start(
        self, *roots: Path, options: Any = None, configuration: dict[str, Any] | None = None
    ) -> types.InitializeResult:
        """Start the shipped server and open folders."""
        self.client._configuration = {"": configuration or {}}
        await self.client.start_io(COMMAND[0], *COMMAND[1:], env=self.environment)
        return await self.client.initialize_session(
            types.InitializeParams(
                capabilities=self.preset.capabilities,
                client_info=types.ClientInfo(self.preset.name, self.preset.version),
                workspace_folders=[types.WorkspaceFolder(root.as_uri(), root.name) for root in roots],
                initialization_options=options,
            )
        )

    async def stop(self) -> int | None:
        """End the session in the orderly way and return the exit code."""
        await self.client.shutdown_session()
        await self.client.stop()
        return self.process.returncode

    @property
    def process(self) -> Any:
        assert self.client._server is not None
        return self.client._server

    async def ask(self, method: str, **params: Any) -> Any:
        """Send a request, whatever its parameters, and return its result."""
        return await asyncio.wait_for(asyncio.wrap_future(self.request(method, params)), 60)

    def request(self, method: str, params: Any, number: str | None = None) -> Future[Any]:
        """Send a request past the types of the client, which would refuse to write bad ones."""
        protocol, future = self.client.protocol, Future[Any]()
        number = number or str(uuid.uuid4())
        protocol._request_futures[number] = future
        protocol._result_types[number] = protocol.get_result_type(method)
        protocol._send_data(JsonRPCRequestMessage(number, method, "2.0", params))
        return future

    async def search(self, query: str, **params: Any) -> list[dict[str, Any]]:
        return (await self.ask("conexus/search", query=query, **params))["hits"]  # type: ignore[no-any-return]

    async def settled(self) -> dict[str, Any]:
        """Wait until all that was sent is searchable."""
        done = await self.ask("conexus/waitForRevision", complete=True, timeoutMs=60_000)
        assert not done["timedOut"]
        return done  # type: ignore[no-any-return]

    # Typing.

    def open(self, path: Path, text: str | None = None, language: str = "python") -> str:
        """Open a document, with the text on disk if none is given, and return its URI."""
        uri = path.as_uri()
        self.texts[uri] = path.read_bytes().decode() if text is None else text
        self.versions[uri] = 1
        item = types.TextDocumentItem(uri, language, 1, self.texts[uri])
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def replace(self, uri: str, old: str, new: str) -> None:
        """Replace the first `old` as an incremental change, in positions of the agreed encoding."""
        text = self.texts[uri]
        begin = text.index(old)
        range_ = types.Range(self._position(text, begin), self._position(text, begin + len(old)))
        self.texts[uri] = text[:begin] + new + text[begin + len(old) :]
        self.versions[uri] += 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.versions[uri], uri),
                [types.TextDocumentContentChangePartial(range_, new)],
            )
        )

    def save(self, uri: str) -> None:
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def close(self, uri: str) -> None:
        self.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri))
        )

    def shown(self, hit: dict[str, Any], part: str = "range") -> str:
        """Return the text that a hit, or its `focus`, covers in the document as the editor has it now."""
        text = self.texts[hit["uri"]]
        return text[self._offset(text, hit[part]["start"]) : self._offset(text, hit[part]["end"])]

    def _position(self, text: str, offset: int) -> types.Position:
        lines = positions.split(text[:offset])
        return types.Position(len(lines) - 1, positions.width(lines[-1], self.preset.encoding))

    def _offset(self, text: str, position: dict[str, int]) -> int:
        lines = positions.split(text)
        inside = positions.index(lines[position["line"]], position["character"], self.preset.encoding)
        return sum(map(len, lines[: position["line"]])) + inside


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a server whose engine, log and settings lie below `home`."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CONEXUS_")},
        "CONEXUS_DATA_DIR": str(home / "data"),
        "CONEXUS_STATE_DIR": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "CONEXUS_ENGINE_IDLE_SECONDS": "2",
    }


def log_of(home: Path) -> str:
    path = home / "state" / "conexus.log"
    return path.read_text("utf-8") if path.exists() else ""


def dumps(value: Any) -> bytes:
    """Return one framed message."""
    body = json.dumps(value).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
