from __future__ import annotations

import asyncio
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from conexus.engine.wire import FolderStatus
from conexus.lsp.progress import Progress

pytestmark = pytest.mark.asyncio


class Client:
    """Stands for the connection: remembers what was sent, and agrees to progress when it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def notify(self, method: str, params: Any) -> None:
        self.sent.append((method, params))

    async def ask(self, method: str, params: Any, seconds: float) -> None:
        assert method == types.WINDOW_WORK_DONE_PROGRESS_CREATE
        await self.agreed

    def kinds(self) -> list[str]:
        return [params.value.kind for method, params in self.sent if method == types.PROGRESS]

    def phases(self) -> list[str]:
        return [params["phase"] for method, params in self.sent if method == "conexus/statusChanged"]


def state(phase: str, percent: int = 0, root: str = "/w") -> FolderStatus:
    return FolderStatus(
        root, phase, 5, 5, 5, 1, percent, 1, {}, {}, {}, (), "static", {}, 0, "watching", "/d"
    )


def progress_of(client: Client) -> Progress:
    made = Progress(client)  # type: ignore[arg-type]
    made.with_bars = True
    return made


async def test_a_bar_begins_when_the_client_agreed_and_ends_when_the_work_does() -> None:
    client = Client()
    progress = progress_of(client)
    progress.show(state("indexing", 10))
    await asyncio.sleep(0)
    assert client.kinds() == []
    client.agreed.set_result(None)
    await asyncio.sleep(0.01)
    assert client.kinds() == ["begin"]
    await asyncio.sleep(0.25)
    progress.show(state("indexing", 60))
    progress.show(state("ready", 100))
    assert client.kinds() == ["begin", "report", "end"]
    assert client.phases() == ["indexing", "indexing", "ready"]


async def test_work_that_is_over_before_the_client_agreed_shows_no_bar() -> None:
    client = Client()
    progress = progress_of(client)
    progress.show(state("scanning"))
    await asyncio.sleep(0)
    progress.show(state("ready", 100))
    client.agreed.set_result(None)
    await asyncio.sleep(0.01)
    assert client.kinds() == []


async def test_a_client_that_refuses_is_shown_no_bar() -> None:
    client = Client()
    progress = progress_of(client)
    progress.show(state("indexing"))
    client.agreed.set_exception(JsonRpcException("no"))
    await asyncio.sleep(0.01)
    progress.show(state("ready", 100))
    assert client.kinds() == []
    assert client.phases() == ["indexing", "ready"]


async def test_a_thousand_states_are_a_few_messages_and_the_last_is_told() -> None:
    client = Client()
    progress = progress_of(client)
    for number in range(1000):
        progress.show(state("indexing", number // 10))
    await asyncio.sleep(0.3)
    assert client.phases() == ["indexing", "indexing"]
    assert client.sent[-1][1]["percent"] == 99
    progress.show(state("indexing", 100))
    progress.show(state("ready", 100))
    await asyncio.sleep(0.3)
    assert client.phases()[-1] == "ready"


async def test_cancelling_names_the_folder_and_closing_it_ends_the_bar() -> None:
    client = Client()
    client.agreed.set_result(None)
    progress = progress_of(client)
    progress.show(state("indexing", root="/w"))
    progress.show(state("indexing", root="/v"))
    await asyncio.sleep(0.01)
    tokens = [params.token for method, params in client.sent if method == types.PROGRESS]
    assert [progress.root_of(token) for token in tokens] == ["/w", "/v"]
    assert progress.root_of("somebody else's") is None
    progress.forget("/w")
    progress.forget("/never opened")
    assert client.kinds() == ["begin", "begin", "end"]
    assert progress.root_of(tokens[0]) is None
