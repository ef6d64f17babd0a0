"""Text and outlines over the wire: of files and open texts, by paths of every kind, and what is told of changes."""

from __future__ import annotations

import os

import pytest
from tests.engine_process.engine_world import World, eventually, play

from conexus.engine.wire import Changed, EngineError, OpenFolder, Outline, ReadText, Touched, WaitFor


async def refused(editor: object, path: str, **options: object) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await editor.client.request("read", ReadText(path, **options))  # type: ignore[attr-defined]
    return caught.value


def test_lines_of_files_and_open_texts(world: World) -> None:
    world.write("a.py", "one\r\ntwo\nthree")
    world.write("empty.py", "")

    async def scenario() -> None:
        async with world.editor() as editor:
            whole = await editor.client.request("read", ReadText("a.py"))
            assert (whole.text, whole.lines, whole.start_line, whole.end_line) == (
                "one\r\ntwo\nthree\n",
                3,
                1,
                3,
            )
            assert (whole.path, whole.root, whole.relative) == (world.path("a.py"), world.path(""), "a.py")
            part = await editor.client.request("read", ReadText(world.path("a.py"), 2, 2))
            assert (part.text, part.digest, part.version, part.more) == ("two\n", whole.digest, None, False)
            few = await editor.client.request("read", ReadText("a.py", limit=8))
            assert (few.text, few.end_line, few.more) == ("one\r\n", 1, True)
            cut = await editor.client.request("read", ReadText("a.py", 3, 3, limit=2))
            assert (cut.text, cut.more) == ("th", False)
            assert (await editor.client.request("read", ReadText("empty.py"))).lines == 1
            version = editor.type("a.py", "typed\n")
            typed = await editor.client.request("read", ReadText("a.py"))
            assert (typed.text, typed.version, typed.lines) == ("typed\n", version, 1)
            assert typed.digest != whole.digest
            # A text that was never saved is one too.
            editor.type("new.py", "fresh\n")
            assert (await editor.client.request("read", ReadText("new.py"))).text == "fresh\n"
            assert (await refused(editor, "a.py", start_line=2)).kind == "invalid"
            assert (
                await refused(editor, "a.py", start_line=1, end_line=0, roots=("/else",))
            ).kind == "invalid"

    play(scenario)


def test_what_is_not_shown(world: World) -> None:
    world.write("src/a.py", "x = 1\n")
    world.write(".env", "SECRET=1\n")
    world.write(".gitignore", "left/\n")
    world.write("left/b.py", "y\n")
    outside = world.root.parent / "outside.py"
    outside.write_text("z\n", "utf-8")
    (world.root / "link.py").symlink_to(outside)
    (world.root / "loop").symlink_to(world.root)
    (world.root / "inner.py").symlink_to(world.root / "src" / "a.py")

    async def scenario() -> None:
        async with world.editor() as editor:
            for path, kind in [
                ("../outside.py", "outside"),
                ("src/../../outside.py", "outside"),
                (os.fspath(outside), "outside"),
                (f"{world.path('src')}/../../outside.py", "outside"),
                ("link.py", "outside"),
                ("inner.py", "outside"),
                ("loop/src/a.py", "outside"),
                ("\0", "outside"),
                (".env", "withheld"),
                ("left/b.py", "withheld"),
                ("src", "invalid"),
                ("", "invalid"),
                ("src/none.py", "missing"),
                ("src/a.py/x", "missing"),
            ]:
                error = await refused(editor, path)
                assert error.kind == kind, path
                assert str(error)
            assert "src/a.py" in (await editor.client.request("read", ReadText("./src//a.py"))).relative
            # What an editor shows of a secret file is as secret.
            editor.type(".env", "SECRET=2\n")
            assert (await refused(editor, ".env")).kind == "withheld"

    play(scenario)


def test_outlines(world: World) -> None:
    world.write("b/one.py", "class A:\n    def f(self): ...\n")
    world.write("b/two.py", "def g(): ...\n")
    world.write("a.py", "def h(): ...\n")

    async def scenario() -> None:
        async with world.editor() as editor:

            async def outline(**options: object) -> list[tuple[str, list[str]]]:
                reply = await editor.client.request("outline", Outline(**options))  # type: ignore[arg-type]
                return [(file.relative, [symbol.name for symbol in file.symbols]) for file in reply.files]

            assert await outline() == [("a.py", ["h"]), ("b/one.py", ["A", "f"]), ("b/two.py", ["g"])]
            assert await outline(path="b", depth=1) == [("b/one.py", ["A"]), ("b/two.py", ["g"])]
            assert await outline(path=world.path("b/two.py")) == [("b/two.py", ["g"])]
            assert await outline(symbols=False, limit=1) == [("a.py", [])]
            assert await outline(after_root=world.path(""), after="b/one.py") == [("b/two.py", ["g"])]
            assert await outline(path="none") == []
            reply = await editor.client.request("outline", Outline(limit=2))
            assert (reply.total, reply.more, reply.completeness.complete) == (3, True, True)
            editor.type("a.py", "def renamed(): ...\n")
            await editor.settle()
            assert (await outline(path="a.py")) == [("a.py", ["renamed"])]
            with pytest.raises(EngineError) as caught:
                await outline(path="../else")
            assert caught.value.kind == "outside"

    play(scenario)


def test_a_path_in_several_folders(world: World) -> None:
    world.write("one/same.py", "1\n")
    world.write("two/same.py", "2\n")
    world.write("two/own.py", "own\n")

    async def scenario() -> None:
        async with world.client() as client:
            for name in ("one", "two"):
                await client.request("open", OpenFolder(world.path(name)))
            await client.request("wait", WaitFor(complete=True))
            with pytest.raises(EngineError, match="several folders") as caught:
                await client.request("read", ReadText("same.py"))
            assert caught.value.kind == "ambiguous"
            one = await client.request("read", ReadText("same.py", roots=(world.path("two"),)))
            assert one.text == "2\n"
            assert (await client.request("read", ReadText("own.py"))).root == world.path("two")

    play(scenario)


def test_changes_are_told(world: World) -> None:
    world.write("a.py", "x = 1\n")
    told: list[tuple[str, str]] = []

    def note(_name: str, event: object) -> None:
        if isinstance(event, Changed):
            told.append((event.root, event.path))

    async def scenario() -> None:
        async with world.client(on_event=note) as client:
            await client.request("open", OpenFolder(world.path(""), watch=False, changes=True))
            await client.request("wait", WaitFor(complete=True))
            assert (world.path(""), "") in told or await _soon(told)
            told.clear()
            world.write("a.py", "x = 2\n")
            client.notify("touched", Touched((world.path("a.py"),)))
            await client.request("wait", WaitFor())
            assert await _soon(told)
            assert set(told) == {(world.path(""), "a.py")}
            told.clear()
            for number in range(200):
                world.write(f"many/m{number}.py", "y = 1\n")
            client.notify("touched", Touched((world.path("many"),)))
            await client.request("wait", WaitFor())
            assert await _soon(told)
            assert {path for _, path in told} <= {"", "many"}

    play(scenario)


async def _soon(told: list[tuple[str, str]]) -> bool:
    import asyncio

    return await asyncio.to_thread(eventually, lambda: told)
