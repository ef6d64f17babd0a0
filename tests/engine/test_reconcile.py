"""The index follows the folder, and never does work twice."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from conexus.embedding import static
from conexus.engine.engine import Engine, NotAFolderError
from conexus.indexing import indexer
from conexus.indexing.workers import WorkerPool
from conexus.search.query import SearchRequest
from conexus.settings import ModelSettings, Settings
from conexus.store.errors import IndexBusy, IndexMissing, IndexUnwritable

if TYPE_CHECKING:
    from collections.abc import Callable

    from conexus.engine.folder import Folder
    from conexus.indexing.jobs import Setup

UPLOADS = """
//- /net/upload.py
def send_file(path, client):
    '''Upload a file and return its address.'''
    return client.put(path)


def retry_failed_uploads(queue, attempts=3):
    '''Try again what could not be sent.'''
    for item in queue:
        item.again(attempts)
//- /net/limits.py
class RateLimiter:
    '''Wait so that no more than n requests a second leave.'''

    def wait(self):
        return self.bucket.take()
//- /notes.md
# Releases

Bump the version, tag, publish.
"""


def paths(folder: Folder, question: str, **filters: tuple[str, ...]) -> list[str]:
    return [hit.path for hit in folder.search(SearchRequest(question, **filters)).hits]


def texts(folder: Folder, question: str) -> list[str]:
    return [hit.excerpt for hit in folder.search(SearchRequest(question)).hits]


def test_indexes_everything_and_finds_it(engine: Engine, folder_of: Callable[..., Path]) -> None:
    folder = engine.open(folder_of(UPLOADS))
    report = folder.reconcile()
    assert (report.files, report.indexed, report.reused) == (3, 3, 0)
    assert report.embedded == report.chunks > 0
    assert paths(folder, "where do we retry failed uploads")[0] == "net/upload.py"
    assert paths(folder, "throttle requests per second")[0] == "net/limits.py"
    assert paths(folder, "RateLimiter.wait")[0] == "net/limits.py"
    assert paths(folder, "notes.md")[0] == "notes.md"


def test_of_the_repositories_in_a_folder_those_a_question_is_not_about_count_less(
    engine: Engine, tmp_path: Path
) -> None:
    subjects = {"shop": "refund_payment(customer)", "sky": "brightness(telescope)"}
    for project, definition in subjects.items():
        (tmp_path / "both" / project / ".git").mkdir(parents=True)
        for number in range(40):
            text = f"def {definition.replace('(', f'_{number}(')}:\n    return {number}\n"
            (tmp_path / "both" / project / f"{project}_{number}.py").write_text(text)
    folder = engine.open(tmp_path / "both")
    folder.reconcile()
    hits = folder.search(SearchRequest("refund the payment of a customer", limit=80)).hits
    lowered = {hit.path.split("/")[0] for hit in hits if any("less of it" in one for one in hit.reasons)}
    assert lowered == {"sky"}


def test_an_unchanged_folder_costs_nothing(
    engine: Engine, data: Path, folder_of: Callable[..., Path]
) -> None:
    root = folder_of(UPLOADS)
    for path in root.rglob("*.*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    engine.open(root).reconcile()
    engine.close()
    with Engine(Settings(), data) as again:
        report = again.open(root).reconcile()
    assert (report.unchanged, report.indexed, report.embedded, report.reused) == (3, 0, 0, 0)


def test_a_new_stamp_alone_embeds_nothing(engine: Engine, folder_of: Callable[..., Path]) -> None:
    root = folder_of(UPLOADS)
    folder = engine.open(root)
    folder.reconcile()
    os.utime(root / "net/upload.py", (1, 1))
    report = folder.reconcile()
    assert (report.indexed, report.embedded, report.unchanged) == (0, 0, 3)
    assert paths(folder, "retry failed uploads")[0] == "net/upload.py"


def test_same_size_edit_within_a_clock_tick_is_seen(engine: Engine, folder_of: Callable[..., Path]) -> None:
    root = folder_of("//- /a.py\nprice = 'alpha'\n")
    # Stands for a clock too coarse to tell the two writes apart: the stamp is not older than the reading.
    stamp = time.time_ns() + 10_000_000_000
    os.utime(root / "a.py", ns=(stamp, stamp))
    folder = engine.open(root)
    folder.reconcile()
    (root / "a.py").write_text("price = 'gamma'\n")
    os.utime(root / "a.py", ns=(stamp, stamp))
    folder.reconcile()
    assert texts(folder, "gamma") == ["price = 'gamma'\n"]


def functions(count: int, changed: int = -1) -> str:
    """Return a module of functions too big to share a chunk."""
    body = "    total = total + item.price * item.count  # add it up, then go on with the next\n"
    return "".join(
        f"def compute_{i}(items):\n    total = {'changed' if i == changed else i}\n{body * 18}    return total\n\n\n"
        for i in range(count)
    )


def test_an_edit_embeds_only_its_chunk(engine: Engine, folder_of: Callable[..., Path]) -> None:
    root = folder_of("//- /big.py\n" + functions(20))
    folder = engine.open(root)
    first = folder.reconcile()
    assert first.embedded >= 20
    (root / "big.py").write_text(functions(20, changed=7))
    report = folder.reconcile()
    assert report.embedded == 1
    assert report.reused == first.embedded - 1


def test_a_deleted_file_is_gone(engine: Engine, folder_of: Callable[..., Path]) -> None:
    root = folder_of(UPLOADS)
    folder = engine.open(root)
    folder.reconcile()
    (root / "net/upload.py").unlink()
    report = folder.reconcile()
    assert (report.removed, report.files) == (1, 2)
    assert "net/upload.py" not in paths(folder, "retry failed uploads")


def test_a_renamed_directory_above_the_embedded_path_embeds_nothing(
    engine: Engine, folder_of: Callable[..., Path]
) -> None:
    root = folder_of(UPLOADS.replace("/net/", "/old/app/core/net/"))
    folder = engine.open(root)
    folder.reconcile()
    (root / "old").rename(root / "new")
    report = folder.reconcile()
    assert (report.indexed, report.embedded, report.removed) == (2, 0, 2)
    assert paths(folder, "retry failed uploads")[0] == "new/app/core/net/upload.py"


def test_a_moved_folder_brings_its_vectors_and_leaves_no_index_behind(
    engine: Engine, data: Path, folder_of: Callable[..., Path]
) -> None:
    root = folder_of(UPLOADS)
    engine.open(root).reconcile()
    engine.close()
    moved = root.rename(root.with_name("elsewhere"))
    with Engine(Settings(), data) as again:
        report = again.open(moved).reconcile()
        assert (report.indexed, report.embedded) == (3, 0)
        assert paths(again.open(moved), "retry failed uploads")[0] == "net/upload.py"
    assert len(list((data / "indexes").glob("*/*/state.db"))) == 1


def test_a_second_worktree_reuses_the_first(
    engine: Engine, data: Path, folder_of: Callable[..., Path]
) -> None:
    first = folder_of(UPLOADS)
    engine.open(first).reconcile()
    second = first.with_name("worktree")
    shutil.copytree(first, second)
    (second / "net/limits.py").write_text("class Burst:\n    '''Allows short bursts.'''\n")
    report = engine.open(second).reconcile()
    assert (report.embedded, report.indexed) == (1, 3)
    assert paths(engine.open(first), "rate limiter")[0] == "net/limits.py"
    assert len(list((data / "indexes").glob("*/*/state.db"))) == 2


def test_switching_a_branch_and_back(engine: Engine, folder_of: Callable[..., Path]) -> None:
    root = folder_of(UPLOADS)
    folder = engine.open(root)
    folder.reconcile()
    before = (root / "net/upload.py").read_text()
    (root / "net/upload.py").write_text(before.replace("retry_failed_uploads", "resume_transfers"))
    (root / "extra.py").write_text("def only_on_this_branch():\n    pass\n")
    folder.reconcile()
    assert paths(folder, "resume_transfers")[0] == "net/upload.py"
    assert paths(folder, "only_on_this_branch")[0] == "extra.py"
    (root / "net/upload.py").write_text(before)
    (root / "extra.py").unlink()
    folder.reconcile()
    assert "extra.py" not in paths(folder, "only_on_this_branch")
    assert "retry_failed_uploads" in texts(folder, "retry_failed_uploads")[0]


def other_model(directory: Path) -> Settings:
    """Return settings with a static model of other vectors."""
    model = static.StaticEmbedder()
    static.save(directory, model.vocabulary, model.word_vectors()[:, ::-1].copy())
    return Settings(model=ModelSettings(name=str(directory)))


def test_the_old_model_answers_until_the_new_index_is_complete(
    engine: Engine, data: Path, tmp_path: Path, folder_of: Callable[..., Path]
) -> None:
    root = folder_of(UPLOADS)
    engine.open(root).reconcile()
    engine.close()
    with Engine(other_model(tmp_path / "model"), data) as changed:
        folder = changed.open(root)
        found_meanwhile: list[str] = []
        report = folder.reconcile(
            progress=lambda _: found_meanwhile.extend(paths(folder, "retry failed uploads")[:1])
        )
        assert report.embedded == report.chunks
        assert set(found_meanwhile) == {"net/upload.py"}
        assert paths(folder, "retry failed uploads")[0] == "net/upload.py"
        assert str(tmp_path / "model") in str(folder.status().model) or "model" in folder.status().model
    assert len(list((data / "indexes").glob("*/*/state.db"))) == 1


def test_cancelling_keeps_what_was_made(engine: Engine, folder_of: Callable[..., Path]) -> None:
    text = "".join(f"//- /many/m{i}.py\n{functions(60)}" for i in range(60))
    root = folder_of(text)
    folder = engine.open(root)
    seen: list[int] = []
    report = folder.reconcile(progress=lambda p: seen.append(p.files), cancelled=lambda: bool(seen))
    assert report.cancelled
    assert 0 < report.files < 60
    assert paths(folder, "compute total of items")
    assert folder.reconcile().files == 60


def test_two_writers_one_waits_its_turn(engine: Engine, data: Path, folder_of: Callable[..., Path]) -> None:
    root = folder_of(UPLOADS)
    engine.open(root).reconcile()
    with Engine(Settings(), data) as other:
        with pytest.raises(IndexBusy, match=str(os.getpid())):
            other.open(root).reconcile()
        assert paths(other.open(root), "retry failed uploads")[0] == "net/upload.py"


def test_a_reader_sees_what_a_writer_commits(
    engine: Engine, data: Path, folder_of: Callable[..., Path]
) -> None:
    root = folder_of(UPLOADS)
    writer = engine.open(root)
    writer.reconcile()
    with Engine(Settings(), data) as other:
        reader = other.open(root)
        assert paths(reader, "retry failed uploads")
        (root / "late.py").write_text("def freshly_written_thing():\n    pass\n")
        writer.reconcile()
        assert paths(reader, "freshly_written_thing")[0] == "late.py"


def test_before_anything_is_indexed(engine: Engine, folder_of: Callable[..., Path]) -> None:
    with pytest.raises(IndexMissing, match="conexus index"):
        engine.open(folder_of(UPLOADS)).search(SearchRequest("anything"))


def test_not_a_folder(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(NotAFolderError, match="nowhere"):
        engine.open(tmp_path / "nowhere")


def test_an_empty_folder_answers_nothing(engine: Engine, folder_of: Callable[..., Path]) -> None:
    folder = engine.open(folder_of(""))
    assert folder.reconcile().files == 0
    assert paths(folder, "anything at all") == []


def test_bad_files_cost_only_themselves(engine: Engine, folder_of: Callable[..., Path]) -> None:
    root = folder_of(UPLOADS)
    (root / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    (root / "latin.py").write_bytes("# Gr\xf6\xdfe des Puffers\nbuffer_size = 1\n".encode("latin-1"))
    (root / "wide.js").write_text("x=" + "1+" * 300_000 + "1")
    (root / "dangling.py").symlink_to(root / "missing.py")
    (root / ".env").write_text("SECRET=1")
    os.mkfifo(root / "pipe")
    (root / "new\nline.py").write_text("def oddly_named_file():\n    pass\n")
    (root / os.fsdecode(b"caf\xe9.py")).write_text("def name_that_is_not_utf8():\n    pass\n")
    with (root / "huge.log").open("wb") as huge:
        huge.truncate(200 << 20)
    folder = engine.open(root)
    report = folder.reconcile()
    assert report.files == 6  # three ordinary ones, latin.py and the two odd names
    assert {"binary", "secret", "too_large", "minified"} <= set(report.skipped)
    assert paths(folder, "oddly_named_file")[0] == "new\nline.py"
    assert os.fsencode(paths(folder, "name_that_is_not_utf8")[0]) == b"caf\xe9.py"
    assert paths(folder, "buffer size")[0] == "latin.py"
    assert folder.status().skipped == folder.skipped == report.skipped
    assert folder.reconcile().indexed == 0
    (root / ".env").unlink()
    folder.reconcile()
    assert "secret" not in folder.status().skipped


def test_a_full_disk_is_said_and_an_index_on_it_is_opened(
    tmp_path: Path, folder_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder_of(UPLOADS)

    write_text = Path.write_text

    def full(path: Path, *arguments: Any) -> int:
        if path.name.startswith("folder.json"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_text(path, *arguments)

    with Engine(Settings(), tmp_path / "full") as first, monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(IndexUnwritable, match=r"indexes/\S+: cannot write the index, the disk is full"):
            first.open(root).reconcile()
    with Engine(Settings(), tmp_path / "full") as second:
        second.open(root).reconcile()
    with Engine(Settings(), tmp_path / "full") as third, monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        assert third.open(root).reconcile().files == 3


def test_status_counts_what_is_there(engine: Engine, folder_of: Callable[..., Path]) -> None:
    folder = engine.open(folder_of(UPLOADS))
    folder.reconcile()
    status = folder.status()
    assert status.languages == {"python": 2, "markdown": 1}
    assert status.files == status.stats.files == 3
    assert status.chunks == status.stats.chunks
    assert status.stats.symbols >= 4
    assert status.stats.bytes_total > 0


def test_settings_of_a_folder(engine: Engine, folder_of: Callable[..., Path]) -> None:
    settings = Settings()
    narrow = evolve(settings, scope=evolve(settings.scope, exclude=("net/",)))
    folder = engine.open(folder_of(UPLOADS), narrow)
    assert folder.reconcile().files == 1


def test_a_directory_that_cannot_be_read_loses_nothing(
    engine: Engine, folder_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = engine.open(folder_of(UPLOADS))
    folder.reconcile()
    scandir = os.scandir

    def refusing(path: str | Path) -> object:
        # Tests run as root, whom no mode bits stop.
        if os.fspath(path).rstrip("/").endswith("/net"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    report = folder.reconcile()
    assert (report.removed, report.files) == (0, 3)
    assert report.skipped["unreadable"] == 1


def test_cancelling_the_walk_removes_nothing(engine: Engine, folder_of: Callable[..., Path]) -> None:
    folder = engine.open(folder_of(UPLOADS))
    folder.reconcile()
    report = folder.reconcile(cancelled=lambda: True)
    assert report.cancelled
    assert (report.files, report.removed) == (3, 0)


def test_a_word_the_model_does_not_know_is_found_by_its_letters(
    engine: Engine, folder_of: Callable[..., Path]
) -> None:
    root = folder_of(UPLOADS + "//- /table.txt\n1 2 3\n//- /odd.py\nzzqxvw_flag = True\n")
    folder = engine.open(root)
    folder.reconcile()
    reply = folder.search(SearchRequest("zzqxvw"))
    assert [hit.path for hit in reply.hits] == ["odd.py"]


def test_a_question_asked_before_the_index_was_swapped_is_answered(
    engine: Engine, data: Path, folder_of: Callable[..., Path]
) -> None:
    root = folder_of(UPLOADS)
    engine.open(root).reconcile()
    engine.close()
    with Engine(Settings(), data) as other:
        folder = other.open(root)
        before = folder.view()  # of an index opened for reading
        folder.reconcile()  # opens it for writing
        assert before.snapshot.matching(["retry", "failed"], 5)


@pytest.mark.parametrize(
    "case",
    [(True, False, [6]), (True, True, [3]), (False, True, [6])],
    ids=["plugged in", "on a battery", "asked for"],
)
def test_on_a_battery_fewer_processes_read_in_the_background(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[bool, bool, list[int]]
) -> None:
    in_background, battery, expected = case
    root = tmp_path / "large"
    root.mkdir()
    for number in range(40):
        (root / f"m{number}.py").write_text(f"def heron_{number}():\n    return {number}\n")
    started = []

    class Counted(WorkerPool):
        def __init__(self, setup: Setup, count: int, file_timeout: float) -> None:
            started.append(count)
            super().__init__(setup, 1, file_timeout)

    monkeypatch.setattr(indexer, "WorkerPool", Counted)
    monkeypatch.setattr(indexer, "_JOB_BYTES", 100)
    monkeypatch.setattr(indexer, "cores", lambda: 6)
    monkeypatch.setattr(indexer, "on_battery", lambda: battery)
    folder = engine.open(root)
    if in_background:
        folder.keep_worker()
    folder.reconcile()
    assert started == expected


def test_nothing_is_listed_of_files_that_did_not_change(
    engine: Engine, folder_of: Callable[..., Path]
) -> None:
    root = folder_of(UPLOADS)
    for path in (root / "net/upload.py", root / "net/limits.py", root / "notes.md"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    folder = engine.open(root)
    folder.reconcile()
    (root / "net/limits.py").write_text("LIMIT = 1\n")
    (root / "notes.md").unlink()
    seen = []
    folder.reconcile(walked=lambda walk, plan: seen.append((walk, plan)))
    ((walk, plan),) = seen
    assert [entry.path for entry in walk.entries] == ["net/limits.py"]
    assert (plan.unchanged, plan.removed) == (1, ("notes.md",))
