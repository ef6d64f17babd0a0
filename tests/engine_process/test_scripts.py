"""Whatever is typed, saved, moved, closed or killed: the index is that of the final text."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.engine_process.engine_world import Editor, World, eventually

from conexus.engine.engine import Engine
from conexus.engine.wire import BufferClosed, OpenFolder, Search, Touched
from conexus.search.query import SearchRequest
from conexus.settings import Settings

PIECES = [
    "def walrus_song(verses):\n    return verses\n\n",
    "class Flamingo:\n    def dance(self):\n        return 'é'\n\n",
    "OTTER = 'floats'\n",
    "# pelican \U0001f600 \n",
    "def broken(:\n",
]
NAMES = ["a.py", "b.py", "sub/c.py", "d.md"]
QUERIES = ["walrus song", "Flamingo", "otter floats", "pelican", "broken"]

names = st.sampled_from(NAMES)
pieces = st.sampled_from(PIECES)
steps = st.one_of(
    st.tuples(st.just("type"), names, pieces),
    st.tuples(st.just("type"), names, pieces),
    st.tuples(st.just("undo"), names),
    st.tuples(st.just("clear"), names),
    st.tuples(st.just("save"), names),
    st.tuples(st.just("close"), names),
    st.tuples(st.just("write"), names, pieces),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("rename"), names, names),
    st.tuples(st.just("settle")),
    st.tuples(st.just("kill")),
)


class Script:
    """Plays steps on an editor, and knows what the final text of everything is."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.world = editor.world
        self.open: dict[str, list[str]] = {}

    async def play(self, step: tuple[str, ...]) -> None:
        await getattr(self, step[0])(*step[1:])

    def disk(self, name: str) -> str:
        path = self.world.root / name
        return path.read_text("utf-8") if path.exists() else ""

    async def type(self, name: str, piece: str) -> None:
        history = self.open.setdefault(name, [self.disk(name)])
        history.append(piece + history[-1])
        self.editor.type(name, history[-1])

    async def undo(self, name: str) -> None:
        history = self.open.get(name, [])
        if len(history) > 1:
            history.pop()
            self.editor.type(name, history[-1])

    async def clear(self, name: str) -> None:
        if name in self.open:
            self.open[name].append("")
            self.editor.type(name, "")

    async def save(self, name: str) -> None:
        if name in self.open:
            await self.write(name, self.open[name][-1])

    async def close(self, name: str) -> None:
        if self.open.pop(name, None) is not None:
            self.editor.client.notify("bufferClosed", BufferClosed(self.world.path(name)))

    async def write(self, name: str, text: str) -> None:
        self.world.write(name, text)
        self._touch(name)

    async def delete(self, name: str) -> None:
        (self.world.root / name).unlink(missing_ok=True)
        self._touch(name)

    async def rename(self, name: str, to: str) -> None:
        if (self.world.root / name).exists():
            (self.world.root / to).parent.mkdir(exist_ok=True)
            (self.world.root / name).replace(self.world.root / to)
            self._touch(name, to)
            if (history := self.open.pop(name, None)) is not None:
                self.editor.client.notify("bufferClosed", BufferClosed(self.world.path(name)))
                self.open[to] = history
                self.editor.type(to, history[-1])

    async def settle(self) -> None:
        await self.editor.settle()

    async def kill(self) -> None:
        self.world.kill(signal.SIGKILL)

    def _touch(self, *names: str) -> None:
        paths = tuple(self.world.path(name) for name in names)
        self.editor.client.notify("touched", Touched(paths))

    def final(self, root: Path) -> None:
        """Write what everything says in the end."""
        shutil.copytree(self.world.root, root)
        for name, history in self.open.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(history[-1], "utf-8")


Found = dict[str, set[tuple[str, int, int, str]]]


async def found_live(script: Script) -> Found:
    found = {}
    for query in QUERIES:
        reply = await script.editor.client.request("search", Search(query, limit=200))
        found[query] = {(hit.relative, hit.span.start, hit.span.end, hit.excerpt) for hit in reply.hits}
        for hit in reply.hits:
            assert (hit.version is not None) == (hit.relative in script.open)
    return found


def found_fresh(root: Path, data: Path) -> Found:
    with Engine(Settings(), data) as engine:
        folder = engine.open(root)
        folder.reconcile()
        return {
            query: {
                (hit.path, hit.span.start, hit.span.end, hit.excerpt)
                for hit in folder.search(SearchRequest(query, limit=200)).hits
            }
            for query in QUERIES
        }


async def play(world: World, script_steps: list[tuple[str, ...]]) -> tuple[Script, Found]:
    async with asyncio.timeout(100), world.client() as client:
        await client.request("open", OpenFolder(world.path(""), watch=False))
        script = Script(Editor(world, client))
        for step in script_steps:
            await script.play(step)
        await script.editor.settle(complete=True)
        await script.editor.settle()
        return script, await found_live(script)


@settings(
    max_examples=6,
    # An example takes seconds: shrinking one would take many minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(steps, min_size=3, max_size=25))
def test_any_script_leaves_the_index_of_the_final_text(
    world: World, script_steps: list[tuple[str, ...]]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        tmp = Path(directory)
        own = World(tmp)
        own.write("a.py", PIECES[0])
        own.write("sub/c.py", PIECES[1] + PIECES[2])
        try:
            script, live = asyncio.run(play(own, script_steps))
            script.final(tmp / "final")
            assert live == found_fresh(tmp / "final", tmp / "fresh")
        finally:
            for pid in own.processes():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            assert eventually(lambda: not own.processes())
