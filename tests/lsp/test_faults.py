"""What a client can do wrong, byte by byte, and the repairs of pygls: each has its test here."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol.converters import get_converter
from tests.lsp.editor import COMMAND, NEOVIM, dumps, environment, log_of

from conexus.lsp import server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Raw:
    """A server process and its bytes."""

    def __init__(self, home: Path, **variables: str) -> None:
        self.process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**environment(home), **variables},
            bufsize=0,
        )
        self.held = b""
        self.notices: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def send(self, **message: Any) -> None:
        self.write(dumps({"jsonrpc": "2.0", **message}))

    def read(self, seconds: float = 20.0) -> dict[str, Any]:
        """Return the next message."""
        assert self.process.stdout is not None
        end = time.monotonic() + seconds
        while True:
            head, blank, rest = self.held.partition(b"\r\n\r\n")
            if blank:
                # Nothing but messages: a stray line would break this.
                assert head.startswith(b"Content-Length: "), head
                length = int(head.removeprefix(b"Content-Length: "))
                if len(rest) >= length:
                    self.held = rest[length:]
                    return json.loads(rest[:length])  # type: ignore[no-any-return]
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the server said nothing"
            data = os.read(self.process.stdout.fileno(), 65_536)
            assert data, "the server ended"
            self.held += data

    def answer(self, number: Any) -> dict[str, Any]:
        """Return the answer to a request; answers what the server asks meanwhile."""
        while True:
            message = self.read()
            if "method" not in message and message["id"] == number:
                return message
            self.notices.append(message)
            if "method" in message and "id" in message:
                self.send(id=message["id"], result=None)

    def initialize(self, *roots: Path, **more: Any) -> dict[str, Any]:
        self.send(id=0, method="initialize", params=initialize_params(*roots, **more))
        answer = self.answer(0)
        self.send(method="initialized", params={})
        return answer

    def end(self) -> int:
        """Close the input and return the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(20)

    def kill(self) -> None:
        # A termination and no kill, so that coverage is written.
        self.process.terminate()
        self.process.communicate()


def initialize_params(*roots: Path, **more: Any) -> dict[str, Any]:
    folders = [{"uri": root.as_uri(), "name": root.name} for root in roots]
    return {"processId": None, "rootUri": None, "capabilities": {}, "workspaceFolders": folders, **more}


@pytest.fixture
def raw(home: Path) -> Iterator[Raw]:
    made = Raw(home)
    yield made
    if made.process.stdin is not None and made.process.stdin.closed:
        made.process.stdin = None
    made.kill()


@pytest.fixture(scope="module")
def shared(home: Path) -> Iterator[Raw]:
    """Return one server for all tests that must leave it unharmed."""
    made = Raw(home)
    made.initialize()
    yield made
    made.kill()


def search(number: Any = 1, **params: Any) -> dict[str, Any]:
    return {"id": number, "method": "conexus/search", "params": {"query": "x", **params}}


# Frames.


def test_header_names_are_read_in_any_case(raw: Raw) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 5, "method": "initialize", "params": initialize_params()})
    raw.write(f"content-type: x\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    assert "capabilities" in raw.answer(5)["result"]


@pytest.mark.parametrize(
    "bad",
    [
        b"Content-Length: 999999999999999\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: many\r\n\r\n{}",
        b"nonsense\r\n\r\n",
        b"Content-Length: 3\r\n\r\n{]}",
        b"Content-Length: 2\r\n\r\n\xff\xfe",
        b"Content-Length: 7\r\n\r\n[1,2,3]",
        b"Content-Length: 4\r\n\r\nnull",
        b'Content-Length: 17\r\n\r\n{"jsonrpc":"1.0"}',
        b"Content-Length: 200000\r\n\r\n" + b"[" * 200_000,
    ],
    ids=lambda bad: str(bad[:40]),
)
def test_bytes_that_are_no_message_are_answered_and_survived(shared: Raw, bad: bytes) -> None:
    shared.write(bad)
    assert shared.answer(None)["error"]["code"] in (-32700, -32600)
    shared.send(**search())
    assert shared.answer(1)["result"]["hits"] == []


@pytest.mark.parametrize("number", [None, True, 1.5, [1], {}])
def test_an_id_of_the_wrong_type_is_refused(shared: Raw, number: Any) -> None:
    shared.send(**search(number))
    assert shared.answer(None)["error"]["code"] == -32600
    shared.send(id=7, method=5)
    assert shared.answer(7)["error"]["code"] == -32600


# The life of a session.


def test_an_orderly_end_returns_zero(raw: Raw) -> None:
    raw.initialize()
    raw.send(id=1, method="shutdown")
    answer = raw.answer(1)
    assert answer["result"] is None
    raw.send(method="exit")
    assert raw.process.wait(20) == 0


def test_exit_without_shutdown_returns_one(raw: Raw) -> None:
    raw.initialize()
    raw.send(method="exit")
    assert raw.process.wait(20) == 1


def test_exit_before_initialize_returns_one(raw: Raw) -> None:
    raw.send(method="exit")
    assert raw.process.wait(20) == 1


def test_the_end_of_input_ends_the_process(raw: Raw) -> None:
    raw.initialize()
    assert raw.end() == 1


def test_the_end_of_input_ends_it_while_requests_wait(raw: Raw, folder_of: Callable[..., Path]) -> None:
    raw.initialize(folder_of("//- /a.py\nx = 1\n"))
    raw.send(id=1, method="conexus/waitForRevision", params={"revision": 10**9})
    assert raw.end() == 1


def test_a_request_after_shutdown_is_refused(raw: Raw) -> None:
    raw.initialize()
    raw.send(id=1, method="shutdown")
    raw.answer(1)
    raw.send(**search(2))
    assert raw.answer(2)["error"]["code"] == -32600
    raw.send(method="textDocument/didOpen", params={"nonsense": 1})
    raw.send(id=3, method="shutdown")
    assert raw.answer(3)["error"]["code"] == -32600


def test_a_request_before_initialize_is_refused(raw: Raw) -> None:
    raw.send(**search())
    assert raw.answer(1)["error"]["code"] == -32002
    raw.initialize()
    raw.send(id=2, method="initialize", params=initialize_params())
    assert raw.answer(2)["error"]["code"] == -32600


# Parameters.


def test_wrong_parameters_of_every_typed_request_are_answered(shared: Raw) -> None:
    for number, method in enumerate(
        ("workspace/symbol", "workspace/willRenameFiles", "workspace/executeCommand", "conexus/search"), 10
    ):
        for params in (None, [], "text", {"query": {}}, {"files": 1}, {"command": []}):
            shared.send(id=number, method=method, params=params)
            answer = shared.answer(number)
            assert answer["error"]["code"] == -32602, (method, params)
            assert "Traceback" not in json.dumps(answer)


def test_a_missing_text_is_no_document(raw: Raw, folder_of: Callable[..., Path], home: Path) -> None:
    root = folder_of("//- /a.py\ndef found_on_disk():\n    pass\n")
    raw.initialize(root)
    item = {"uri": (root / "a.py").as_uri(), "languageId": "python", "version": 1, "text": None}
    raw.send(method="textDocument/didOpen", params={"textDocument": item})
    raw.send(id=1, method="conexus/waitForRevision", params={"complete": True})
    raw.answer(1)
    raw.send(**search(2, query="found_on_disk"))
    assert raw.answer(2)["result"]["hits"][0]["version"] is None
    assert "params.textDocument.text: expected a string, not null" in log_of(home)


def test_an_unknown_method_is_answered_and_an_unknown_notification_is_not(shared: Raw) -> None:
    shared.send(method="conexus/frobnicated", params={"a": {"b": 1}})
    shared.send(id=1, method="conexus/frobnicate", params={"a": {"type_name": "x", "class": 1}})
    assert shared.answer(1)["error"]["code"] == -32601
    shared.send(method="$/cancelRequest", params={"id": "never sent"})
    shared.send(method="$/setTrace", params={"value": "verbose"})
    shared.send(**search(2))
    assert shared.answer(2)["result"]["hits"] == []


def test_untyped_parameters_stay_plain(shared: Raw) -> None:
    # pygls would make a class of each of these objects.
    for number in range(1000):
        shared.send(method="conexus/unknown", params={f"key{number}": {"def": [1]}})
    shared.send(**search())
    assert shared.answer(1)["result"]["hits"] == []


def test_capabilities_ahead_of_their_time_lock_nobody_out(raw: Raw) -> None:
    capabilities = {
        "workspace": {"symbol": {"symbolKind": {"valueSet": [1, 99]}}},
        "general": {"positionEncodings": ["utf-32", "utf-8"]},
    }
    result = raw.initialize(capabilities=capabilities)["result"]
    assert result["capabilities"]["positionEncoding"] == "utf-32"


def test_an_initialize_without_capabilities_is_refused(raw: Raw) -> None:
    raw.send(id=1, method="initialize", params={"processId": "me"})
    error = raw.answer(1)["error"]
    assert error["code"] == -32602
    assert "params.processId" in error["message"]


# Errors.


def test_an_engine_that_cannot_be_started_is_an_error_that_says_why(tmp_path: Path) -> None:
    server = Raw(tmp_path, CONEXUS_DATA_DIR="/dev/null/data")
    server.initialize(tmp_path)
    server.send(**search())
    error = server.answer(1)["error"]
    assert error["code"] == -32803
    assert "/dev/null/data" in error["message"]
    assert "data" not in error
    shown = [
        notice["params"]["message"] for notice in server.notices if "message" in notice.get("params", {})
    ]
    assert any("/dev/null/data" in message for message in shown)
    server.kill()


def test_an_unforeseen_error_sends_no_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONEXUS_STATE_DIR", str(tmp_path))
    messages: list[bytes] = []

    class Remembered:
        def send(self, data: bytes, key: str | None = None) -> None:
            messages.append(data)

    connection = server.connect(Remembered())  # type: ignore[arg-type]

    @connection.fm.feature("conexus/search")
    def broken(params: dict[str, Any]) -> None:
        raise KeyError("a secret of the user")

    connection._workspace = connection.documents
    connection.receive(json.dumps({"jsonrpc": "2.0", **search(1)}).encode())
    error = json.loads(messages[0].partition(b"\r\n\r\n")[2])["error"]
    assert error["code"] == -32603
    assert "unexpected KeyError" in error["message"]
    assert "secret" not in str(error)
    assert "data" not in error


def test_nothing_a_user_wrote_is_logged(raw: Raw, folder_of: Callable[..., Path], home: Path) -> None:
    root = folder_of("//- /a.py\nx = 1\n")
    raw.initialize(root)
    item = {
        "uri": (root / "a.py").as_uri(),
        "languageId": "python",
        "version": 1,
        "text": "s = 'perl-of-wisdom'",
    }
    raw.send(method="textDocument/didOpen", params={"textDocument": item})
    raw.send(
        method="textDocument/didChange",
        params={"textDocument": {"uri": item["uri"]}, "contentChanges": [{"text": "perl-of-wisdom"}]},
    )
    raw.send(**search(1, query="perl-of-wisdom", limit="many"))
    raw.answer(1)
    raw.send(**search(2, query="perl-of-wisdom"))
    raw.answer(2)
    assert "perl-of-wisdom" not in log_of(home)


# Streams.


def test_nothing_but_messages_is_written_to_stdout(tmp_path: Path) -> None:
    # A library that prints as soon as it is imported, in a server that starts an engine: the reader of `Raw`
    # fails at anything that is no message.
    (tmp_path / "sitecustomize.py").write_text(
        "import builtins, sys\n"
        "loaded = builtins.__import__\n"
        "def noisy(name, *args, **kwargs):\n"
        "    if name == 'pygls.capabilities' or name == 'conexus.settings' or 'asyncio' in name:\n"
        "        import os; os.system('echo noise of a child') if 'conexus.lsp.server' in sys.modules else None\n"
        "        print('noise', flush=True) if 'conexus.lsp.server' in sys.modules else None\n"
        "    return loaded(name, *args, **kwargs)\n"
        "builtins.__import__ = noisy\n",
        "utf-8",
    )
    server = Raw(tmp_path, PYTHONPATH=str(tmp_path))
    server.initialize()
    server.send(**search())
    assert server.answer(1)["result"]["hits"] == []
    server.kill()


def resident(process: subprocess.Popen[bytes]) -> int:
    statm = Path(f"/proc/{process.pid}/statm").read_text("ascii")
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_a_client_that_does_not_read_costs_no_memory(
    raw: Raw, folder_of: Callable[..., Path], home: Path
) -> None:
    root = folder_of("//- /a.py\n" + "".join(f"def function_{n}(): return {n}\n" for n in range(2000)))
    raw.initialize(root)
    raw.send(id=1, method="conexus/waitForRevision", params={"complete": True})
    raw.answer(1)
    raw.send(**search(2, query="function", limit=100))
    size = len(json.dumps(raw.answer(2)))
    before = resident(raw.process)
    # Asks for far more than may wait, and reads none of it; the server stops reading too.
    assert raw.process.stdin is not None
    os.set_blocking(raw.process.stdin.fileno(), False)
    wanted, sent = 200 * 1024 * 1024 // size, 0
    end = time.monotonic() + 15
    while sent < wanted and time.monotonic() < end:
        try:
            raw.send(**search(100 + sent, query="function", limit=100))
            sent += 1
        except BlockingIOError:
            time.sleep(0.05)
    assert resident(raw.process) - before < 60 * 1024 * 1024
    # Told to end, it does, though nobody reads.
    raw.process.terminate()
    assert raw.process.wait(20) == 1


def test_a_server_that_is_told_to_end_says_goodbye(raw: Raw) -> None:
    raw.initialize()
    raw.process.terminate()
    assert raw.process.wait(20) == 1  # as when the client goes without a word


def test_initialize_waits_for_no_engine(raw: Raw, folder_of: Callable[..., Path]) -> None:
    # An engine that hangs: its lock is taken by a process that serves nobody.
    root = folder_of("//- /a.py\nx = 1\n")
    capabilities = get_converter().unstructure(NEOVIM.capabilities)
    result = raw.initialize(root, capabilities=capabilities)["result"]
    assert result["capabilities"]["positionEncoding"] == "utf-8"
    assert result["serverInfo"]["name"] == "conexus"


def test_an_engine_that_is_stopped_holds_up_no_edit(raw: Raw, folder_of: Callable[..., Path]) -> None:
    root = folder_of("//- /a.py\nx = 1\n")
    raw.initialize(root)
    raw.send(id=1, method="conexus/status")
    engine = raw.answer(1)["result"]["pid"]
    os.kill(engine, signal.SIGSTOP)
    try:
        uri = (root / "a.py").as_uri()
        item = {"uri": uri, "languageId": "python", "version": 1, "text": "x = 1\n"}
        raw.send(method="textDocument/didOpen", params={"textDocument": item})
        raw.send(**search(2))
        for version in range(2, 200):
            change = {
                "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}},
                "text": "y",
            }
            params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
            raw.send(method="textDocument/didChange", params=params)
        raw.send(id=3, method="workspace/willRenameFiles", params={"files": []})
        assert raw.answer(3)["result"] is None
        raw.send(method="$/cancelRequest", params={"id": 2})
        assert raw.answer(2)["error"]["code"] == -32800
    finally:
        os.kill(engine, signal.SIGCONT)
    raw.send(**search(4, query="y" * 198))
    assert raw.answer(4)["result"]["completeness"]
