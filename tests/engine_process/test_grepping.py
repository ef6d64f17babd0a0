"""Places of a text over the wire: in files, in open texts, in several folders."""

from __future__ import annotations

import pytest
from tests.engine_process.engine_world import World, play

from conexus.engine.wire import EngineError, Grep, OpenFolder


def test_places_in_files_and_open_texts(world: World) -> None:
    world.write("a.py", "def first():\n    return needle\n")
    world.write("b/c.ts", "let x = needle + needle;\n")

    async def scenario() -> None:
        async with world.editor() as editor:
            reply = await editor.client.request("grep", Grep("needle"))
            assert [(p.relative, p.line, p.column, p.version) for p in reply.places] == [
                ("a.py", 2, 12, None),
                ("b/c.ts", 1, 9, None),
                ("b/c.ts", 1, 18, None),
            ]
            assert (reply.complete, reply.notes, reply.completeness.complete) == (True, (), True)
            assert reply.places[0].path == world.path("a.py")
            assert reply.places[0].text == "    return needle"
            version = editor.type("a.py", "# nothing here\n# Needle\n")
            reply = await editor.client.request("grep", Grep("N[e]+dle$", regex=True))
            assert [(p.relative, p.line, p.version) for p in reply.places] == [("a.py", 2, version)]
            reply = await editor.client.request("grep", Grep("needle", ignore_case=True, limit=2))
            assert [p.relative for p in reply.places] == ["a.py", "b/c.ts"]
            assert not reply.complete
            reply = await editor.client.request("grep", Grep("needle", paths=("*.py",)))
            assert (reply.places, reply.complete) == ((), True)
            with pytest.raises(EngineError, match="no text"):
                await editor.client.request("grep", Grep(""))

    play(scenario)


def test_places_of_several_folders(world: World) -> None:
    world.write("a.py", "needle\n" * 3)
    other = world.root.parent / "other"
    other.mkdir()
    (other / "b.py").write_text("needle\n" * 3)

    async def scenario() -> None:
        async with world.editor() as editor:
            await editor.client.request("open", OpenFolder(str(other), {}, False))
            await editor.settle(complete=True)
            reply = await editor.client.request("grep", Grep("needle", limit=4))
            assert [p.relative for p in reply.places] == ["a.py"] * 3 + ["b.py"]
            assert not reply.complete
            assert (await editor.client.request("grep", Grep("needle", roots=(str(other),)))).complete

    play(scenario)
