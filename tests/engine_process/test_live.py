"""A folder is kept in step: open texts at once, files as they change, whatever happens in between."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.engine_process.engine_world import Editor, World, play, soon

from conexus.engine.wire import BufferClosed, OpenFolder, Pause, Reindex, Resume, Search, Touched, WaitFor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLAMINGO = "def flamingo_dance(steps):\n    '''Dance like a flamingo.'''\n    return steps * 2\n"
WALRUS = "def walrus_song(verses):\n    '''Sing what walruses sing.'''\n    return verses + 1\n"
OTTER = "def otter_float(hours):\n    '''Float on the back like otters do.'''\n    return hours - 1\n"


async def names(editor: Editor, text: str) -> list[str]:
    """Return the paths of hits whose text really has the word."""
    return [hit.relative for hit in (await editor.search(text)).hits if text in hit.excerpt]


async def has(editor: Editor, text: str, path: str) -> bool:
    return path in await names(editor, text)


def close(editor: Editor, name: str) -> None:
    editor.client.notify("bufferClosed", BufferClosed(editor.world.path(name)))


def touch(editor: Editor, *names: str) -> None:
    editor.client.notify("touched", Touched(tuple(editor.world.path(name) for name in names)))


# Open texts.


def test_an_open_text_beats_the_file_and_closing_falls_back(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            version = editor.type("a.py", FLAMINGO)
            await editor.settle()
            assert await editor.first("flamingo") == ("a.py", version, FLAMINGO)
            assert await names(editor, "walrus") == []
            close(editor, "a.py")
            await editor.settle()
            assert await editor.first("walrus") == ("a.py", None, WALRUS)
            assert await names(editor, "flamingo") == []

    play(scenario)


def test_closing_after_saving_finds_what_was_saved(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            editor.type("a.py", FLAMINGO)
            world.write("a.py", FLAMINGO)
            close(editor, "a.py")
            await editor.settle()
            assert await editor.first("flamingo") == ("a.py", None, FLAMINGO)
            assert await names(editor, "walrus") == []

    play(scenario)


def test_a_hit_is_right_for_a_text_that_is_newer_than_its_rows(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            editor.type("a.py", FLAMINGO)
            await editor.settle()
            for lines in range(1, 12):
                text = "# é\n" * lines + FLAMINGO
                version = editor.type("a.py", text)
                # A hit that no longer stands in the newer text may be missing, but none may be wrong.
                for hit in (await editor.search("flamingo dance")).hits:
                    assert hit.version == version
                    assert text.encode()[hit.span.start : hit.span.end].decode() == hit.excerpt
            await editor.settle()
            assert (await editor.first("flamingo dance"))[1] == version

    play(scenario)


def test_an_open_text_that_equals_its_file_has_its_version(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            editor.type("a.py", WALRUS)
            version = editor.type("a.py", WALRUS)
            await editor.settle()
            assert await editor.first("walrus") == ("a.py", version, WALRUS)

    play(scenario)


def test_a_new_text_is_found_before_it_is_saved(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            version = editor.type("new/deep/b.py", FLAMINGO)
            await editor.settle()
            assert await editor.first("flamingo", languages=("python",), paths=("new/",)) == (
                "new/deep/b.py", version, FLAMINGO,
            )  # fmt: skip
            close(editor, "new/deep/b.py")
            await editor.settle()
            assert await names(editor, "flamingo") == []

    play(scenario)


@pytest.mark.parametrize("name", [".env", "build/x.py", "key.pem", "notes.ignored", "package-lock.json"])
def test_what_does_not_belong_is_not_indexed_when_open(world: World, name: str) -> None:
    world.write("a.py", WALRUS)
    world.write(".gitignore", "build/\n*.ignored\n")

    async def scenario() -> None:
        async with world.editor() as editor:
            editor.type(name, f"flamingo = 1\n{FLAMINGO}")
            editor.type("../elsewhere.py", FLAMINGO)
            editor.type("/", FLAMINGO)
            await editor.settle()
            assert await names(editor, "flamingo") == []
            world.write(name, FLAMINGO)
            editor.type(name, f"flamingo = 2\n{FLAMINGO}")
            await editor.settle()
            assert await names(editor, "flamingo") == []

    play(scenario)


def test_too_large_texts_are_left_out_and_their_file_is_not_shown(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor(scope={"max_file_bytes": 500}) as editor:
            editor.type("a.py", FLAMINGO + "# pad\n" * 200)
            await editor.settle()
            assert await names(editor, "flamingo") == []
            assert await names(editor, "walrus") == []

    play(scenario)


def test_odd_texts_are_searchable(world: World) -> None:
    async def scenario() -> None:
        async with world.editor() as editor:
            for text in (f"# \ud800 lone\n{FLAMINGO}", f"\ufeff{FLAMINGO}", FLAMINGO.replace("\n", "\r\n")):
                editor.type("a.py", text)
                await editor.settle()
                assert await names(editor, "flamingo") == ["a.py"]
            for text in ("", "\0\0\0", "\n\n"):
                editor.type("a.py", text)
                await editor.settle()
                assert await names(editor, "flamingo") == []

    play(scenario)


def test_the_text_of_the_last_editor_counts(world: World) -> None:
    async def scenario() -> None:
        async with world.editor() as one:
            one.type("a.py", WALRUS)
            await one.settle()
            async with world.editor() as two:
                two.type("a.py", FLAMINGO)
                await two.settle()
                assert await has(one, "flamingo", "a.py")
            # The other editor is gone, and its text with it.

            async def back() -> bool:
                return await has(one, "walrus", "a.py") and not await has(one, "flamingo", "a.py")

            assert await soon(back)

    play(scenario)


def test_texts_open_before_their_folder_count(world: World) -> None:
    async def scenario() -> None:
        async with world.client() as client:
            editor = Editor(world, client)
            version = editor.type("a.py", FLAMINGO)
            await client.request("open", OpenFolder(world.path(""), watch=False))
            await editor.settle(complete=True)
            assert await editor.first("flamingo") == ("a.py", version, FLAMINGO)

    play(scenario)


def test_typing_is_searchable_while_everything_is_indexed(world: World) -> None:
    for number in range(500):
        world.write(f"m{number}.py", "\n".join(f"def f{number}_{i}(x):\n    return x\n" for i in range(40)))

    async def scenario() -> None:
        async with world.client() as client:
            await client.request("open", OpenFolder(world.path(""), watch=False))
            editor = Editor(world, client)
            version = editor.type("a.py", FLAMINGO)
            await editor.settle()
            reply = await editor.search("flamingo dance")
            assert (reply.hits[0].relative, reply.hits[0].version) == ("a.py", version)
            assert not reply.completeness.complete
            assert reply.completeness.percent < 100
            await editor.settle(complete=True)
            assert (await editor.search("flamingo dance")).completeness.percent == 100

    play(scenario)


# Files.


def test_touched_files_are_read_again(world: World) -> None:
    world.write("a.py", WALRUS)
    world.write("sub/b.py", FLAMINGO)
    world.write("sub/deep/c.py", OTTER)

    async def scenario() -> None:
        async with world.editor() as editor:
            world.write("a.py", "def pelican(): return 'pelican'\n")
            world.write("n.py", "def badger(): return 'badger'\n")
            touch(editor, "a.py", "n.py", "never.py", "../outside.py")
            await editor.settle()
            assert await names(editor, "pelican") == ["a.py"]
            assert await names(editor, "badger") == ["n.py"]
            assert await names(editor, "walrus") == []
            (world.root / "sub").rename(world.root / "moved")
            touch(editor, "sub", "moved")
            await editor.settle()
            assert await names(editor, "flamingo") == ["moved/b.py"]
            assert await names(editor, "otter") == ["moved/deep/c.py"]
            shutil.rmtree(world.root / "moved")
            touch(editor, "moved")
            await editor.settle()
            assert await names(editor, "flamingo") == []
            # A file in place of a directory, and the reverse.
            world.write("moved", "otter is a text now\n")
            (world.root / "a.py").unlink()
            world.write("a.py/inner.py", FLAMINGO)
            touch(editor, "moved", "a.py")
            await editor.settle()
            assert await names(editor, "otter") == ["moved"]
            assert await names(editor, "flamingo") == ["a.py/inner.py"]
            assert await names(editor, "pelican") == []

    play(scenario)


def test_a_burst_becomes_one_reconcile(world: World) -> None:
    for number in range(400):
        world.write(f"m{number}.py", f"def f{number}(x):\n    return x\n")

    async def scenario() -> None:
        async with world.editor() as editor:
            before = (await editor.search("f")).revision
            for number in range(400):
                world.write(f"m{number}.py", f"def g{number}(walrus):\n    return walrus\n")
                touch(editor, f"m{number}.py")
                if number % 100 == 0:
                    await asyncio.sleep(0)
            await editor.settle()
            reply = await editor.search("walrus", limit=500)
            assert {hit.relative for hit in reply.hits} == {f"m{n}.py" for n in range(400)} & {
                hit.relative for hit in reply.hits
            }
            assert reply.completeness.files == 400
            assert reply.revision - before < 20
            assert await names(editor, "f399") == []

    play(scenario)


def test_ignore_files_and_settings_count_at_once(world: World) -> None:
    world.write("a.py", WALRUS)
    world.write("b.py", FLAMINGO)

    async def scenario() -> None:
        async with world.editor() as editor:
            world.write(".gitignore", "b.py\n")
            touch(editor, ".gitignore")
            await editor.settle()
            assert await names(editor, "flamingo") == []
            world.write(".gitignore", "")
            world.write("conexus.toml", "[scope]\nexclude = ['a.py']\nodd = 1\n")
            touch(editor, "conexus.toml", ".gitignore")
            await editor.settle()
            assert await names(editor, "flamingo") == ["b.py"]
            assert await names(editor, "walrus") == []
            assert any("odd" in problem for problem in (await editor.status()).folders[0].problems)

    play(scenario)


def test_settings_of_an_editor_count_and_may_change(world: World) -> None:
    world.write("a.py", WALRUS)
    world.write("b.py", FLAMINGO)

    async def scenario() -> None:
        async with world.editor(scope={"exclude": ["a.py"]}, model={"name": "elsewhere"}) as editor:
            assert await names(editor, "walrus") == []
            problems = (await editor.status()).folders[0].problems
            assert any("model.name" in problem for problem in problems)
            settings = {"scope": {"exclude": ["b.py"]}}
            await editor.client.request("open", OpenFolder(world.path(""), settings, watch=False))

            async def applied() -> bool:
                return await has(editor, "walrus", "a.py") and not await has(editor, "flamingo", "b.py")

            assert await soon(applied)

    play(scenario)


def test_rules_count_for_texts_that_are_open(world: World) -> None:
    world.write("a.py", WALRUS)
    world.write("b.py", OTTER)

    async def scenario() -> None:
        async with world.editor() as editor:
            editor.type("a.py", FLAMINGO)
            await editor.settle()
            assert await names(editor, "flamingo") == ["a.py"]
            world.write(".gitignore", "a.py\n")
            touch(editor, ".gitignore")
            await editor.settle()
            assert await names(editor, "flamingo") == []
            world.write(".gitignore", "b.py\n")
            touch(editor, "")
            await editor.settle()
            assert await names(editor, "flamingo") == ["a.py"]

    play(scenario)


def test_a_look_at_all_files_keeps_nobody_waiting_who_told_of_none(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            await editor.client.request("pause", Pause())
            world.write("a.py", FLAMINGO)
            editor.client.notify("touched", Touched((str(world.root),), awaited=False))
            assert not (await editor.client.request("wait", WaitFor(timeout_ms=20_000))).timed_out
            touch(editor, "b.py")
            assert (await editor.client.request("wait", WaitFor(timeout_ms=200))).timed_out
            await editor.client.request("resume", Resume())
            await editor.settle()
            assert await names(editor, "flamingo") == ["a.py"]

    play(scenario)


def test_pausing_holds_files_back_and_not_texts(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            await editor.client.request("pause", Pause())
            world.write("b.py", FLAMINGO)
            touch(editor, "b.py")
            done = await editor.client.request("wait", WaitFor(timeout_ms=200))
            assert done.timed_out
            assert (await editor.status()).folders[0].phase == "paused"
            assert await names(editor, "flamingo") == []
            editor.type("c.py", OTTER)

            async def shown() -> bool:
                return await has(editor, "otter", "c.py")

            assert await soon(shown)
            await editor.client.request("resume", Resume())
            await editor.settle()
            assert await names(editor, "flamingo") == ["b.py"]

    play(scenario)


def test_pausing_interrupts_and_resuming_finishes(world: World) -> None:
    for number in range(120):
        world.write(f"m{number}.py", "\n".join(f"def f{number}_{i}(x):\n    return x\n" for i in range(40)))

    async def scenario() -> None:
        async with world.client() as client:
            await client.request("open", OpenFolder(world.path(""), watch=False))
            await client.request("pause", Pause())
            done = await client.request("wait", WaitFor(complete=True, timeout_ms=300))
            assert done.timed_out
            await client.request("resume", Resume())
            assert not (await client.request("wait", WaitFor(complete=True))).timed_out
            reply = await client.request("search", Search("f119_39"))
            assert reply.completeness.files == 120

    play(scenario)


def test_a_fresh_index_has_files_and_open_texts_again(world: World) -> None:
    world.write("a.py", WALRUS)
    world.write("b.py", OTTER)

    async def scenario() -> None:
        async with world.editor() as editor:
            version = editor.type("a.py", FLAMINGO)
            await editor.settle()
            await editor.client.request("reindex", Reindex(fresh=True))
            await editor.settle(complete=True)
            await editor.settle()
            assert await editor.first("flamingo") == ("a.py", version, FLAMINGO)
            assert await names(editor, "otter") == ["b.py"]
            assert await names(editor, "walrus") == []
            world.write("b.py", WALRUS)
            await editor.client.request("reindex", Reindex())
            await editor.settle()
            assert await names(editor, "walrus") == ["b.py"]

    play(scenario)


def test_an_unreadable_folder_is_a_problem_and_recovers(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            world.root.rename(world.root.with_name("away"))
            await editor.client.request("reindex", Reindex())

            async def failed() -> bool:
                folder = (await editor.status()).folders[0]
                return folder.phase == "failed" and any("cannot read" in one for one in folder.problems)

            assert await soon(failed)
            world.root.with_name("away").rename(world.root)
            await editor.settle()
            assert (await editor.status()).folders[0].phase == "ready"
            assert await names(editor, "walrus") == ["a.py"]

    play(scenario)


POISON = """
    import os, sys, time
    if "conexus.indexing.worker" in sys.orig_argv:
        import conexus.parsing.chunker as chunker
        whole = chunker.parse

        def parse(source, language):
            if b"POISON" in source and (language != "text" or b"LINES" in source):
                time.sleep(600)
            return whole(source, language)

        chunker.parse = parse
"""


@pytest.fixture
def poisoned(in_every_process: Callable[[str], None]) -> None:
    """Let grammars hang on marked files."""
    in_every_process(POISON)


@pytest.mark.usefixtures("poisoned")
def test_poison_costs_only_itself_and_is_shown(world: World) -> None:
    world.write("a.py", f"# POISON\n{WALRUS}")
    world.write("worse.py", "# POISON LINES\n")
    world.write("b.py", FLAMINGO)

    async def scenario() -> None:
        async with world.editor(index={"file_timeout": 0.5}) as editor:
            assert await names(editor, "flamingo") == ["b.py"]
            problems = (await editor.status()).folders[0].problems
            assert any(problem.startswith("a.py: ") for problem in problems)
            assert any(problem.startswith("worse.py: ") for problem in problems)
            # The same in an open text; others go on.
            editor.type("c.py", f"# POISON\n{OTTER}")
            editor.type("d.py", OTTER)
            await editor.settle()
            assert sorted(set(await names(editor, "otter"))) == ["c.py", "d.py"]
            editor.type("c.py", OTTER)
            await editor.settle()
            assert sorted(set(await names(editor, "otter"))) == ["c.py", "d.py"]

    play(scenario)


# Watching.


def test_the_file_system_is_watched(world: World) -> None:
    world.write("a.py", WALRUS)
    world.write(".gitignore", "node_modules/\n")

    async def scenario() -> None:
        async with world.editor(watch=True) as editor:
            assert (await editor.status()).folders[0].watching == "watching"

            async def becomes(word: str, *paths: str) -> None:
                async def same() -> bool:
                    return sorted(set(await names(editor, word))) == sorted(paths)

                assert await soon(same), (word, await names(editor, word))

            await asyncio.sleep(0.3)
            world.write("b.py", FLAMINGO)
            await becomes("flamingo", "b.py")
            # As editors save: another file takes the place.
            world.write("b.py.tmp", OTTER).replace(world.root / "b.py")
            await becomes("otter", "b.py")
            await becomes("flamingo")
            world.write("new/deep/c.py", FLAMINGO)
            world.write("node_modules/x.py", FLAMINGO)
            await becomes("flamingo", "new/deep/c.py")
            world.write("new/deep/d.py", FLAMINGO)
            await becomes("flamingo", "new/deep/c.py", "new/deep/d.py")
            (world.root / "new").rename(world.root / "old")
            await becomes("flamingo", "old/deep/c.py", "old/deep/d.py")
            shutil.rmtree(world.root / "old")
            await becomes("flamingo")
            (world.root / "b.py").unlink()
            await becomes("otter")

    play(scenario)


def test_who_reports_changes_itself_is_not_watched(world: World) -> None:
    async def scenario() -> None:
        async with world.editor(watch=False) as editor:
            assert (await editor.status()).folders[0].watching == "client"

    play(scenario)


def test_what_changed_while_nobody_watched_is_found(world: World) -> None:
    async def scenario() -> None:
        world.write("a.py", FLAMINGO)
        async with world.client():  # keeps the engine
            async with world.editor(watch=False):
                pass
            # The folder lingers for whoever opens it next, and its editor, who would have told, is gone.
            world.write("b.py", WALRUS)
            async with world.editor(watch=False) as editor:
                assert await has(editor, "walrus_song", "b.py")

    play(scenario)


def test_status_is_told_and_not_too_often(world: World) -> None:
    for number in range(60):
        world.write(f"m{number}.py", "\n".join(f"def f{number}_{i}(x):\n    return x\n" for i in range(20)))
    told = []

    async def scenario() -> None:
        def tell(name: str, event: Any) -> None:
            if name == "status":
                told.append(event)

        async with world.client(on_event=tell) as client:
            await client.request("open", OpenFolder(world.path(""), watch=False))
            await client.request("wait", WaitFor(complete=True))

            async def ready() -> bool:
                return bool(told) and told[-1].phase == "ready"

            assert await soon(ready)
            assert told[-1].files == 60
            assert told[-1].root == world.path("")
            assert told[-1].percent == 100
            count = len(told)
            await asyncio.sleep(0.5)
            # Nothing changes, so nothing is said.
            assert len(told) <= count + 1

    play(scenario)


def test_who_opens_a_folder_that_is_ready_is_told_so(world: World) -> None:
    world.write("a.py", WALRUS)
    told = []

    async def scenario() -> None:
        async with (
            world.editor(),
            world.client(on_event=lambda name, event: told.append((name, event))) as second,
        ):
            # Everything the first made it say is said.
            await asyncio.sleep(0.5)
            await second.request("open", OpenFolder(world.path(""), watch=False))

            async def ready() -> bool:
                return any(name == "status" and event.phase == "ready" for name, event in told)

            assert await soon(ready, 5.0)

    play(scenario)


def test_roots_are_called_as_the_front_calls_them(world: World) -> None:
    world.write("a.py", WALRUS)
    link = world.root.with_name("link")
    link.symlink_to(world.root)

    async def scenario() -> None:
        async with world.client() as client:
            await client.request("open", OpenFolder(os.fspath(link), watch=False))
            await client.request("wait", WaitFor(complete=True))
            hit = (await client.request("search", Search("walrus", roots=(os.fspath(link),)))).hits[0]
            assert hit.path == os.fspath(link / "a.py")
            editor = Editor(world, client)
            version = editor.type("a.py", FLAMINGO)
            await editor.settle()
            assert (await editor.first("flamingo"))[1] == version

    play(scenario)


def test_several_folders_answer_together(world: World, tmp_path: Path) -> None:
    world.write("a.py", WALRUS)
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.py").write_text(FLAMINGO + WALRUS, "utf-8")

    async def scenario() -> None:
        async with world.editor() as editor:
            await editor.client.request("open", OpenFolder(os.fspath(other), watch=False))
            await editor.settle(complete=True)
            reply = await editor.search("walrus song", explain=True)
            assert {hit.root for hit in reply.hits} == {world.path(""), os.fspath(other)}
            assert reply.completeness.files == 2
            candidates = reply.plan["agents"]["semantic"]["candidates"]
            assert {candidate["path"] for candidate in candidates} >= {world.path("a.py")}
            only = await editor.search("walrus song", roots=(os.fspath(other),))
            assert {hit.root for hit in only.hits} == {os.fspath(other)}

    play(scenario)
