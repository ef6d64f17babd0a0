"""Copies of a text: shown behind what says something else, and called what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conexus.search.query import SearchRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conexus.engine.folder import Folder
    from conexus.engine.searcher import SearchReply

RETRY = '''def retry_upload(job):
    """Send a failed upload again after a pause."""
    for pause in (1, 2, 4):
        job.sleep(pause)
        if job.send():
            return True
    return False
'''
OTHER = '''def note_upload(job, log):
    """Write down when an upload was sent and how long it took."""
    log.write(job.began, job.seconds)
'''


@pytest.fixture
def folder(indexed: Callable[[str], Folder]) -> Folder:
    forks = "".join(f"//- /{name}/jobs.py\n{RETRY}" for name in ("app", "fork", "older"))
    indented = "//- /moved/jobs.py\n" + RETRY.replace("    ", "\t")
    return indexed(f"{forks}{indented}//- /app/log.py\n{OTHER}")


def paths(reply: SearchReply) -> list[str]:
    return [hit.path for hit in reply.hits]


def test_copies_stand_behind_all_others(folder: Folder) -> None:
    reply = folder.search(SearchRequest("send a failed upload again after a pause"))
    best, other, *copies = reply.hits
    assert {best.path, *(hit.path for hit in copies)} == {
        f"{name}/jobs.py" for name in ("app", "fork", "older", "moved")
    }
    assert other.path == "app/log.py"
    assert "copied to " + ", ".join(f"{hit.path}:1" for hit in copies) in best.reasons
    assert all(f"a copy of {best.path}:1" in hit.reasons for hit in copies)
    assert [hit.score for hit in reply.hits] == sorted((hit.score for hit in reply.hits), reverse=True)


def test_the_one_in_the_smallest_file_stands_for_all(indexed: Callable[[str], Folder]) -> None:
    # So long that each is a chunk of its own.
    retry = RETRY + "".join(f"    job.note_that_it_failed(in_way={number})\n" for number in range(40))
    others = "".join(f"{retry.replace('upload', f'letter_{number}')}\n\n" for number in range(4))
    folder = indexed(
        f"//- /dist/all.py\n{others}{retry}\n//- /source/retry.py\n{retry}\n//- /source/log.py\n{OTHER}"
    )
    reply = folder.search(SearchRequest("send a failed upload again after a pause, in dist all"))
    assert paths(reply)[0] == "source/retry.py"
    assert paths(reply)[-1] == "dist/all.py"
    assert any(reason.startswith("copied to dist/all.py:") for reason in reply.hits[0].reasons)


def test_others_are_shown_in_their_place(folder: Folder) -> None:
    reply = folder.search(SearchRequest("send a failed upload again after a pause", limit=2))
    assert len(reply.hits) == 2
    assert paths(reply)[1] == "app/log.py"


@pytest.mark.parametrize("text", ["retry_upload", '"for pause in"', RETRY])
def test_who_asks_for_a_name_or_a_text_gets_all_of_them(folder: Folder, text: str) -> None:
    reply = folder.search(SearchRequest(text, limit=4))
    assert {path for path in paths(reply) if path.endswith("jobs.py")} >= {"app/jobs.py", "fork/jobs.py"}
    assert not any("cop" in reason for hit in reply.hits for reason in hit.reasons)


def test_what_other_names_say_is_no_copy(indexed: Callable[[str], Folder]) -> None:
    body = '    def close(self):\n        """Close the pool and wait for all uploads."""\n        self.pool.end()\n'
    folder = indexed(f"//- /a.py\nclass Reader:\n{body}\n\nclass Writer:\n{body}")
    reply = folder.search(SearchRequest("wait for all uploads and close the pool"))
    assert not any("cop" in reason for hit in reply.hits for reason in hit.reasons)
