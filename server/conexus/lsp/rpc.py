"""pygls' protocol with its faults mended: one answer for every request, and never a traceback in it.

What differs from pygls: messages are structured one by one with errors that name the bad field; requests
before ``initialize`` and after ``shutdown`` are refused; a command can be cancelled; untyped parameters stay plain
dictionaries; what a slow client has not read is bounded; nothing is logged that holds a user's text.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import re
from enum import Enum
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from lsprotocol.converters import get_converter
from pygls.exceptions import JsonRpcException, JsonRpcMethodNotFound
from pygls.protocol import (
    JsonRPCNotification,
    JsonRPCRequestMessage,
    JsonRPCResponseMessage,
    LanguageServerProtocol,
    lsp_method,
)

from conexus import log
from conexus.domain import ConexusError
from conexus.engine.wire import EngineError
from conexus.lsp import protocol
from conexus.lsp.documents import Documents
from conexus.lsp.protocol import InvalidParamsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from concurrent.futures import Future

    from cattrs import Converter

    from conexus.lsp.framing import FrameError
    from conexus.stdio import Output

    Command = Callable[[Any], Awaitable[Any]]

_logger = logging.getLogger(__name__)

_Codes = types.ErrorCodes
_KINDS = {"invalid": _Codes.InvalidParams, "cancelled": types.LSPErrorCodes.RequestCancelled}
_CAPABILITY = re.compile(r"params\.capabilities\.(\w+)")
_STATUS = "conexus/statusChanged"


@cache
def converter() -> Converter:
    """Return the converter of the protocol's own types; building it takes 10 to 60 ms."""
    made = get_converter()
    # cattrs would turn a missing text into the document "None".
    for exact in (str, int, bool):
        made.register_structure_hook(exact, _exactly)
    return made


def _exactly(value: Any, wanted: Any) -> Any:
    # A hook for str is asked for enumerations of strings too.
    return wanted(value) if issubclass(wanted, Enum) else protocol.exactly(value, wanted)


class Protocol(LanguageServerProtocol):
    """One connection with one editor."""

    output: Output

    def __init__(self, server: Any, made: Converter) -> None:
        self.documents = Documents(None)
        """The open documents."""
        super().__init__(server, made)
        self.ended = False
        """Whether the client said ``exit``."""
        # pygls logs whole messages, and with them what the user wrote.
        logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)

    @property
    def exit_code(self) -> int:
        """What the process should return: 0 only after an orderly ``shutdown``."""
        return 0 if self._shutdown else 1

    @property
    def encoding(self) -> str:
        """The position encoding both sides agreed on: ``utf-8``, ``utf-16`` or ``utf-32``."""
        return types.PositionEncodingKind(self.documents.position_encoding).value

    def use_documents(self, folders: Sequence[types.WorkspaceFolder] | None) -> None:
        """Put documents of ours in the place of pygls', which are just made and empty."""
        old = self.workspace
        self._workspace = self.documents = Documents(
            old.root_uri, workspace_folders=folders, position_encoding=old.position_encoding
        )

    # Coming in.

    def receive(self, body: bytes) -> None:
        """Handle one message. Whatever it holds, a request gets an answer and nothing is raised."""
        try:
            data = json.loads(body)
        except (ValueError, RecursionError) as error:
            self._refuse(None, _Codes.ParseError, f"not JSON: {error}")
            return
        if not isinstance(data, dict) or data.get("jsonrpc") != "2.0":
            self._refuse(None, _Codes.InvalidRequest, 'not a JSON-RPC object: "jsonrpc" must be "2.0"')
            return
        # Each handler runs in a context of its own, which knows the id of its request.
        contextvars.copy_context().run(self._dispatch, data)

    def refuse_frame(self, error: FrameError) -> None:
        """Tell the client of bytes that were no message."""
        _logger.warning("%s", error)
        self._refuse(None, _Codes.ParseError, str(error))

    def _dispatch(self, data: dict[str, Any]) -> None:
        method, number = data.get("method"), data.get("id")
        if "id" in data and not _is_id(number):
            self._refuse(None, _Codes.InvalidRequest, "an id must be a whole number or a string")
        elif method is None:
            self._receive_answer(data)
        elif not isinstance(method, str):
            self._refuse(number, _Codes.InvalidRequest, "a method must be a string")
        elif "id" in data:
            self._receive_request(data, method)
        else:
            self._receive_notification(data, method)

    def _receive_request(self, data: dict[str, Any], method: str) -> None:
        number = data["id"]
        if refusal := self._refusal(method):
            self._refuse(number, *refusal)
            return
        try:
            self._get_handler(method)
            message = self._structured(data, method)
        except (JsonRpcMethodNotFound, InvalidParamsError) as error:
            self._send_response(number, error=_error_of(error, method))
            return
        self._handle_request(number, method, message.params)

    def _receive_notification(self, data: dict[str, Any], method: str) -> None:
        if method != types.EXIT and (self._workspace is None or self._shutdown):
            return
        try:
            self._get_handler(method) if method != types.CANCEL_REQUEST else None
            message = self._structured(data, method)
        except JsonRpcMethodNotFound:
            return
        except InvalidParamsError as error:
            _logger.warning("%s: ignored: %s", method, error)
            return
        self._handle_notification(method, message.params)

    def _receive_answer(self, data: dict[str, Any]) -> None:
        number = data.get("id")
        if number not in self._request_futures or number not in self._result_types:
            return
        if (failed := data.get("error")) is not None:
            self._result_types.pop(number)
            code, reason = (
                (failed.get("code"), failed.get("message")) if isinstance(failed, dict) else (0, "")
            )
            error = types.ResponseError(code if isinstance(code, int) else 0, str(reason))
            self._handle_response(number, None, error)
            return
        wanted = self._result_types.pop(number) or JsonRPCResponseMessage
        try:
            message = self._converter.structure({"result": None, **data}, wanted)
        except Exception as error:  # noqa: BLE001 - cattrs raises whatever a hook raises
            reason = protocol.reasons(error, "")
            self._handle_response(number, None, types.ResponseError(_Codes.InvalidParams, reason))
            return
        self._handle_response(number, message.result)

    def _refusal(self, method: str) -> tuple[int, str] | None:
        if self._shutdown:
            return _Codes.InvalidRequest, f"{method}: the server was shut down"
        if self._workspace is None and method != types.INITIALIZE:
            return _Codes.ServerNotInitialized, f"{method}: the server waits for initialize"
        if self._workspace is not None and method == types.INITIALIZE:
            return _Codes.InvalidRequest, "initialize: the server is initialized already"
        return None

    def _structured(self, data: dict[str, Any], method: str) -> Any:
        number, params = data.get("id"), data.get("params")
        if own := protocol.REQUESTS.get(method):
            return JsonRPCRequestMessage(number or 0, method, "2.0", protocol.structure(params, own[0]))
        wanted = self.get_message_type(method)
        if wanted is None:
            return JsonRPCNotification(method, "2.0", params)
        try:
            return self._converter.structure(data, wanted)
        except Exception as error:
            reasons = protocol.reasons(error, "")
            if bad := set(_CAPABILITY.findall(reasons)) & set(_capabilities(params)):
                # An editor ahead of its time must not be locked out: what it says there is not used.
                _logger.warning("%s: capabilities ignored: %s", method, reasons)
                kept = {key: value for key, value in _capabilities(params).items() if key not in bad}
                return self._structured({**data, "params": {**(params or {}), "capabilities": kept}}, method)
            raise InvalidParamsError(reasons) from error

    # Handling.

    def _handle_request(self, msg_id: int | str, method_name: str, params: Any) -> None:
        self._ctx_msg_id.set(msg_id)
        answer = partial(self._send_handler_result, msg_id=msg_id, method=method_name)
        self._execute_handler(msg_id, self._get_handler(method_name), answer, args=(params,))

    def _handle_notification(self, method_name: str, params: Any) -> None:
        if method_name == types.CANCEL_REQUEST:
            self._handle_cancel_notification(params.id)
            return
        check = partial(self._check_handler_result, method=method_name)
        self._execute_handler(method_name, self._get_handler(method_name), check, args=(params,))

    def _handle_cancel_notification(self, msg_id: int | str) -> None:
        # Requests of ours are in the same table; a client cannot cancel those.
        if msg_id not in self._result_types and (future := self._request_futures.get(msg_id)):
            future.cancel()

    def _send_handler_result(self, future: Future[Any], *, msg_id: int | str, method: str = "") -> None:
        self._request_futures.pop(msg_id, None)
        if future.cancelled():
            self._refuse(msg_id, types.LSPErrorCodes.RequestCancelled, f"{method}: cancelled")
        elif (error := future.exception()) is not None:
            self._send_response(msg_id, error=_error_of(error, method))
        else:
            self._send_response(msg_id, future.result())

    def _check_handler_result(self, future: Future[Any], *, method: str = "") -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            _logger.error("%s failed", method, exc_info=error)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(self, params: types.ExecuteCommandParams) -> Any:  # type: ignore[override]
        """Run one of our requests by the name of its command. A coroutine, so that it can be cancelled."""
        method = protocol.COMMANDS.get(params.command)
        if method is None:
            raise InvalidParamsError(
                f"params.command: there is no command {params.command}; there are: {', '.join(protocol.COMMANDS)}"
            )
        given = list(params.arguments or [])
        if len(given) > 1:
            raise InvalidParamsError(f"params.arguments: expected one object, the parameters of {method}")
        structured = protocol.structure(given[0] if given else None, protocol.REQUESTS[method][0])
        command: Command = self.fm.features[method]
        return await command(structured)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: Any) -> None:  # type: ignore[override]
        """End; whoever reads the messages looks at `ended`."""
        self.ended = True

    # Going out.

    def _refuse(self, msg_id: int | str | None, code: int, message: str) -> None:
        # lsprotocol would leave an id of null out, and a client could not tell what this is.
        error = {"code": int(code), "message": message}
        self._send_data({"jsonrpc": "2.0", "id": msg_id, "error": error})

    def _send_data(self, data: Any) -> None:
        try:
            body = json.dumps(data, default=self._serialize_message, separators=(",", ":")).encode("ascii")
        except (TypeError, ValueError, RecursionError):
            _logger.exception("a message of type %s cannot be written", type(data).__name__)
            if isinstance(data, JsonRPCResponseMessage):
                self._refuse(data.id, _Codes.InternalError, _bug("the answer cannot be written"))
            return
        self.output.send(b"Content-Length: %d\r\n\r\n%s" % (len(body), body), _key_of(data))

    async def ask(self, method: str, params: Any, seconds: float) -> Any:
        """Send a request to the client and return its answer; raises JsonRpcException and TimeoutError."""
        future = self.send_request(method, params)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        finally:
            for number in [key for key, value in self._request_futures.items() if value is future]:
                del self._request_futures[number]


def _capabilities(params: Any) -> dict[str, Any]:
    found = params.get("capabilities") if isinstance(params, dict) else None
    return found if isinstance(found, dict) else {}


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _error_of(error: BaseException, method: str) -> types.ResponseError:
    """Return what a client is told; the log gets the rest."""
    if isinstance(error, InvalidParamsError):
        return types.ResponseError(_Codes.InvalidParams, f"{method}: {error}")
    if isinstance(error, EngineError) and error.kind in _KINDS:
        return types.ResponseError(_KINDS[error.kind], str(error))
    if isinstance(error, ConexusError):
        _logger.warning("%s: %s", method, error)
        return types.ResponseError(types.LSPErrorCodes.RequestFailed, str(error))
    if isinstance(error, JsonRpcException):
        return types.ResponseError(error.code, error.message)
    _logger.error("%s failed", method, exc_info=error)
    return types.ResponseError(_Codes.InternalError, _bug(f"{method}: unexpected {type(error).__name__}"))


def _bug(what: str) -> str:
    return f"{what}. This is a bug; {log.state_directory() / log.FILE_NAME} has the details."


def _key_of(data: Any) -> str | None:
    """Return under which key a message replaces an older unsent one: only states do."""
    method, params = getattr(data, "method", None), getattr(data, "params", None)
    value = getattr(params, "value", None)
    if method == _STATUS and isinstance(params, dict):
        return f"{_STATUS} {params['folder']}"
    if method == types.PROGRESS and getattr(value, "kind", None) == "report":
        return f"{types.PROGRESS} {getattr(params, 'token', '')}"
    return None
