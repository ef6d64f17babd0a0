"""What one editor has open, and what is known about it: the state behind the handlers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve
from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.exceptions import JsonRpcException

import conexus
from conexus import settings
from conexus.engine import wire
from conexus.engine.link import Link
from conexus.engine.wire import EngineError
from conexus.lsp import convert, options, protocol
from conexus.lsp.buffers import Buffers
from conexus.lsp.notebooks import Notebooks
from conexus.lsp.places import Places
from conexus.lsp.progress import Progress
from conexus.lsp.protocol import InvalidParamsError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from conexus.engine.client import EngineClient
    from conexus.lsp.options import Sections
    from conexus.lsp.protocol import Token
    from conexus.lsp.rpc import Protocol

_logger = logging.getLogger(__name__)

_CONFIGURATION_SECONDS = 3.0
_OPENING_SECONDS = 10.0
_PART = 20  # hits in one partial result
# Editors that list symbols as the server ranks them. Others filter by name, and found by meaning has no match.
_UNFILTERED = {"neovim", "eglot", "emacs", "helix"}

_EMPTY = wire.Completeness(complete=True, files=0, pending=0, percent=100, phase="ready")
_NO_FOLDER = ("no folder is open in this editor, so there is nothing to search",)
_NO_HITS = wire.Reply((), 0, _EMPTY, _NO_FOLDER, 0.0, {})
_NOTHING: dict[str, Any] = {
    **dict.fromkeys(("search", "similar"), _NO_HITS),
    "grep": wire.GrepReply((), True, 0, 0, _EMPTY, _NO_FOLDER, 0.0),
    "related": wire.RelatedReply((), 0, _EMPTY, _NO_FOLDER, 0.0, {}, ()),
    "history": wire.HistoryReply("", (), (), _NO_FOLDER, 0.0),
    "context": wire.ContextReply("", 0, 0, "", "", "", 0.0, (), (), (), (), "", 0, _EMPTY, _NO_FOLDER, 0.0),
    **dict.fromkeys(("reindex", "pause", "resume", "wait"), wire.Done(0)),
    "symbols": wire.SymbolReply((), 0, _EMPTY),
    "status": wire.EngineStatus(conexus.__version__, 0, 0, 0.0, 0, (), {}, {}, {}),
}


class Session:
    """One editor's session, from ``initialize`` to ``exit``."""

    def __init__(self, connection: Protocol) -> None:
        self.connection = connection
        self.buffers = Buffers()
        self.notebooks = Notebooks()
        self.folders: list[str] = []
        """Paths of the workspace's folders, as the editor spells them."""
        self.progress = Progress(connection)
        self.link = Link(self._joined, self._on_event)
        self.watches_files = False
        """Whether the client tells of changed files."""
        self._editor: Sections = {}
        self._initial: Sections = {}
        self._by_root: dict[str, Sections] = {}
        self._client = ""
        self._opened = asyncio.Event()
        self._warned: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._opening: set[asyncio.Task[Any]] = set()
        self.settings = settings.Settings()
        """In force for the first folder; what differs by folder, the engine knows."""

    # Beginning and ending.

    def begin(self, params: types.InitializeParams) -> None:
        """Take note of the client and start to look for the engine."""
        info = params.client_info
        self._client = info.name if info else "editor"
        self._initial = options.read(params.initialization_options)
        for uri in _folders_of(params):
            if (path := convert.path_of(uri)) and path not in self.folders:
                self.folders.append(path)
        self.progress.with_bars = bool(self.capability("window.work_done_progress"))
        watches = self.capability("workspace.did_change_watched_files.dynamic_registration")
        self.watches_files = bool(watches)
        self._load()
        name = f"{info.name} {info.version or ''}".strip() if info else "editor"
        self.link.start(name, settings.data_directory(self.settings))

    async def open(self) -> None:
        """Ask for the client's settings and open the folders."""
        try:
            await self.configure(None)
        finally:
            self._opened.set()

    async def close(self) -> None:
        """Let the engine go."""
        for task in self._tasks:
            task.cancel()
        await self.link.close()

    # Settings and folders.

    async def configure(self, pushed: Any) -> None:
        """Go by the settings the client has now, `pushed` or asked for, and tell the engine."""
        roots = self.folders
        found = await self._configurations([None, *map(convert.uri_of, roots)])
        self._editor = options.read(found[0] if found else pushed)
        self._by_root = dict(zip(roots, map(options.read, found[1:]), strict=False))
        self._load()
        for root in roots:
            self.open_folder(root)

    async def _configurations(self, scopes: list[str | None]) -> list[Any]:
        """Return the client's settings for each scope; none if it has no way to be asked."""
        if not self.capability("workspace.configuration"):
            return []
        items = [types.ConfigurationItem(scope, options.SECTION) for scope in scopes]
        asked = types.ConfigurationParams(items)
        try:
            found = await self.connection.ask(types.WORKSPACE_CONFIGURATION, asked, _CONFIGURATION_SECONDS)
        except (JsonRpcException, TimeoutError):
            return []
        return list(found or [])

    def open_folder(self, root: str) -> None:
        """Ask the engine to keep a folder, with the settings as they are now."""
        chosen = options.over(self._by_root.get(root, self._editor), self._initial)
        asked = wire.OpenFolder(root, chosen, watch=not self.watches_files)
        task = self.spawn(self._tell_folder("open", asked))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def watch_instead(self) -> None:
        """Let the engine watch files, as the client does not tell of them after all."""
        if not self.watches_files:
            return
        self.watches_files = False
        await self._opened.wait()
        for root in self.folders:
            self.open_folder(root)

    async def look_again(self) -> None:
        """Have all files compared: the client tells of changes from now on, and the first walk may have begun before."""
        if not self.watches_files:
            return
        await self._opened.wait()
        if self._opening:
            # A folder that is not open yet could not be told.
            await asyncio.wait(self._opening)
        self.touch(map(convert.uri_of, self.folders), awaited=False)

    def change_folders(self, added: Iterable[str], removed: Iterable[str]) -> None:
        """Open and close folders of the workspace, by URI."""
        for path in filter(None, map(convert.path_of, removed)):
            if path in self.folders:
                self.folders.remove(path)
                self.progress.forget(path)
                self.spawn(self._tell_folder("close", wire.CloseFolder(path)))
        for path in filter(None, map(convert.path_of, added)):
            if path not in self.folders:
                self.folders.append(path)
                self.open_folder(path)

    @property
    def fills_up(self) -> bool:
        """Whether symbols found by meaning follow those found by name."""
        chosen = self.settings.lsp.semantic_symbols
        if chosen == "auto":
            return any(name in self._client.lower() for name in _UNFILTERED)
        return chosen == "always"

    def capability(self, path: str) -> Any:
        """Return what the client said it can do."""
        return get_capability(self.connection.client_capabilities, path)

    # Asking the engine.

    async def ask(self, method: str, params: Any) -> Any:
        """Return the engine's answer, for the texts as the editor has them now. Raises EngineError."""
        # Without `initialized` folders are never opened; then the answer comes late, and not never.
        # Not wait_for, here and elsewhere: in Python 3.11 it loses a cancellation that comes as it ends.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OPENING_SECONDS):
                await self._opened.wait()
        if self._opening:
            await asyncio.wait(self._opening, timeout=_OPENING_SECONDS)
        if not self.folders:
            # Without a folder there is no index of this editor's, and those of others are not asked.
            return _NOTHING[method]
        self.buffers.flush()
        return await self.link.request(method, params)

    async def places(self, found: Iterable[wire.Located]) -> Places:
        """Return where in the editor the answers of a reply lie."""
        places = Places(self)
        await places.read(found)
        return places

    def deliver(self, result: Any, field: str, token: Token | None) -> Any:
        """Return a result as JSON values; with a token its answers go ahead in parts, and it has none."""
        if token is not None:
            answers = getattr(result, field)
            for begin in range(0, len(answers), _PART):
                part = {field: protocol.unstructure(answers[begin : begin + _PART])}
                self.connection.notify(types.PROGRESS, types.ProgressParams(token, part))  # type: ignore[arg-type]
            result = evolve(result, **{field: ()})
        return protocol.unstructure(result)

    def limit(self, wanted: int | None) -> int:
        """Return how many answers are wanted."""
        return wanted or self.settings.search.limit

    def replace(self, result: Any, token: Token) -> Any:
        """Send all hits of a result at once, instead of those sent before, and return it without."""
        part = {"hits": protocol.unstructure(result.hits), "refined": True}
        self.connection.notify(types.PROGRESS, types.ProgressParams(token, part))  # type: ignore[arg-type]
        return protocol.unstructure(evolve(result, hits=()))

    # Paths and URIs.

    def path(self, uri: str, field: str) -> str:
        """Return the engine's path of a URI in parameters; raises InvalidParamsError naming the field."""
        path = convert.path_of(uri)
        if path is None:
            raise InvalidParamsError(f"params.{field}: {uri} is not a file: URI")
        return path

    def context(self, given: protocol.EditorContext | None) -> wire.EditorContext:
        """Return what is at hand: what the client says, and what it does not, as far as it was seen."""
        given = given or protocol.EditorContext()

        def paths(field: str, uris: Iterable[str]) -> tuple[str, ...]:
            return tuple(self.path(uri, f"context.{field}") for uri in uris)

        return wire.EditorContext(
            active=self.path(given.active, "context.active") if given.active else "",
            open=paths("open", given.open) or self.buffers.open,
            edited=paths("edited", given.edited) or self.buffers.edited,
        )

    def roots(self, uris: Iterable[str]) -> tuple[str, ...]:
        """Return the folders to ask, which are all of this editor's if none is named."""
        named = tuple(self.path(uri, f"folders[{number}]") for number, uri in enumerate(uris))
        return named or tuple(self.folders)

    def root(self, uri: str) -> str:
        """Return one folder; empty for all."""
        return self.path(uri, "folder") if uri else ""

    def touch(self, uris: Iterable[str], *, awaited: bool = True) -> None:
        """Tell the engine that files may have changed, and whether the client may wait for them."""
        if paths := tuple(dict.fromkeys(filter(None, map(convert.path_of, uris)))):
            self.link.notify("touched", wire.Touched(paths, awaited))

    # Telling the editor.

    def warn(self, message: str) -> None:
        """Show a message, once."""
        if message in self._warned:
            return
        self._warned.add(message)
        _logger.warning("%s", message)
        shown = types.ShowMessageParams(types.MessageType.Warning, f"Conexus: {message}")
        self.connection.notify(types.WINDOW_SHOW_MESSAGE, shown)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine beside the handlers."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _load(self) -> None:
        root = Path(self.folders[0] if self.folders else Path.home())
        loaded = settings.load(root, editor=options.over(self._editor, self._initial))
        self.settings = loaded.settings
        for problem in loaded.problems:
            self.warn(problem)

    async def _tell_folder(self, method: str, params: Any) -> None:
        try:
            await self.link.request(method, params)
        except EngineError as error:
            self.warn(str(error))

    def _joined(self, client: EngineClient) -> None:
        self.buffers.connect(client.notify)

    def _on_event(self, name: str, event: object) -> None:
        if name == "status" and isinstance(event, wire.FolderStatus):
            self.progress.show(event)


def _folders_of(params: types.InitializeParams) -> list[str]:
    """Return the URIs of the folders to open, by the newest of three fields the client fills."""
    if params.workspace_folders:
        return [folder.uri for folder in params.workspace_folders]
    if params.root_uri:
        return [params.root_uri]
    return [convert.uri_of(params.root_path)] if params.root_path else []
