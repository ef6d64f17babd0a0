"""The queue of a folder: the last change wins, and waits know their turn."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from conexus.engine.pending import Pending

if TYPE_CHECKING:
    import pytest


def test_edits_of_one_text_are_taken_once() -> None:
    pending = Pending()
    for _ in range(5):
        pending.edit("a.py")
    pending.edit("b.py")
    taken = pending.take_edits()
    taken += pending.take_edits() if len(taken) == 1 else []
    assert sorted(taken) == ["a.py", "b.py"]


def test_who_keeps_typing_is_served_all_the_same() -> None:
    pending = Pending()
    stop = threading.Event()

    def keep_typing() -> None:
        while not stop.wait(0.002):
            pending.edit("a.py")

    typist = threading.Thread(target=keep_typing)
    typist.start()
    try:
        assert pending.take_edits() == ["a.py"]
    finally:
        stop.set()
        typist.join()


def test_a_wait_covers_what_came_before_and_not_what_comes_after() -> None:
    pending = Pending()
    pending.edit("a.py")
    ticket = pending.ticket
    assert not pending.has_done(ticket)
    assert pending.take_edits() == ["a.py"]
    assert not pending.has_done(ticket)
    pending.edit("b.py")
    pending.finish_edit("a.py")
    assert pending.has_done(ticket)
    assert not pending.has_done(pending.ticket)


def test_a_text_that_cannot_be_shown_yet_stays_due() -> None:
    pending = Pending()
    pending.edit("a.py")
    ticket = pending.ticket
    pending.take_edits()
    pending.retry_edit("a.py")
    assert not pending.has_done(ticket)
    assert pending.take_edits() == ["a.py"]


def test_a_question_ends_the_wait_for_the_next_keystroke(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conexus.engine.pending.DEBOUNCE_SECONDS", 3600.0)
    monkeypatch.setattr("conexus.engine.pending.LONGEST_WAIT_SECONDS", 3600.0)
    pending = Pending()
    pending.edit("a.py")
    pending.edit("b.py")
    asked = threading.Timer(0.05, pending.hurry, (pending.ticket,))
    asked.start()
    assert sorted(pending.take_edits()) == ["a.py", "b.py"]
    pending.retry_edit("a.py")
    pending.edit("b.py")
    pending.hurry(pending.ticket)
    assert pending.take_edits() == ["b.py"], "what could not be shown is not tried again for every question"


def test_a_question_hurries_what_was_told_before_it_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conexus.engine.pending.DEBOUNCE_SECONDS", 3600.0)
    monkeypatch.setattr("conexus.engine.pending.LONGEST_WAIT_SECONDS", 3600.0)
    pending = Pending()
    pending.edit("a.py")
    told = pending.ticket
    pending.edit("b.py")
    pending.hurry(told)
    assert pending.take_edits() == ["a.py"]
    pending.finish_edit("a.py")
    assert pending.has_shown(told)
    assert not pending.has_shown(pending.ticket)


def test_texts_shown_anew_belong_to_what_was_asked_before() -> None:
    pending = Pending()
    pending.edit("a.py")
    told = pending.ticket
    pending.take_edits()
    pending.finish_edit("a.py")
    assert pending.has_shown(told)
    pending.show_again(["a.py", "b.py"])
    assert not pending.has_shown(told)
    assert not pending.has_done(told)
    for path in pending.take_edits():
        pending.finish_edit(path)
    assert pending.has_done(told)


def test_files_are_taken_together_and_many_are_everything() -> None:
    pending = Pending()
    pending.touch(["a"])
    pending.touch(["b", "a"])
    work = pending.take_disk()
    assert work is not None
    assert work.paths == {"a", "b"}
    assert not work.everything
    ticket = pending.ticket
    assert not pending.has_done(ticket)
    pending.finish_disk(work)
    assert pending.has_done(ticket)
    pending.touch(str(number) for number in range(3_000))
    work = pending.take_disk()
    assert work is not None
    assert work.everything


def test_files_wait_until_the_work_on_them_is_done() -> None:
    pending = Pending()
    pending.touch(["a", "b"])
    work = pending.take_disk()
    assert work is not None
    pending.touch(["b", "c"])
    assert pending.waiting_paths == 3
    pending.put_back(work)
    assert pending.waiting_paths == 3
    again = pending.take_disk()
    assert again is not None
    pending.finish_disk(again)
    assert pending.waiting_paths == 0


def test_interrupted_work_is_taken_again() -> None:
    pending = Pending()
    pending.touch(["a"])
    work = pending.take_disk()
    assert work is not None
    pending.put_back(work)
    assert not pending.has_done(pending.ticket)
    again = pending.take_disk()
    assert again is not None
    assert again.paths == {"a"}


def test_nothing_is_taken_while_paused() -> None:
    pending = Pending()
    pending.touch(["a"])
    pending.set_paused(paused=True)
    assert pending.take_disk(timeout=0.01) is None
    pending.set_paused(paused=False)
    assert pending.take_disk(timeout=1) is not None


def test_a_look_at_all_files_that_nobody_told_of_is_not_waited_for() -> None:
    pending = Pending()
    pending.touch([""], awaited=False)
    assert pending.has_done(pending.ticket)
    work = pending.take_disk(timeout=1)
    assert work is not None
    assert work.everything
    pending.put_back(work)
    pending.touch(["a"])
    assert not pending.has_done(pending.ticket)


def test_closing_ends_those_who_take() -> None:
    pending = Pending()
    threading.Timer(0.05, pending.close).start()
    assert pending.take_disk() is None
    assert pending.take_edits() == []
    assert not pending.wait_until(lambda: False, time.monotonic() + 60, lambda: False)


def test_waits_end_at_their_deadline_and_when_cancelled() -> None:
    pending = Pending()
    assert not pending.wait_until(lambda: False, time.monotonic() + 0.01, lambda: False)
    assert not pending.wait_until(lambda: False, time.monotonic() + 60, lambda: True)


def test_a_further_change_does_not_let_go_who_waits_for_the_one_before() -> None:
    pending = Pending()
    pending.edit("a.py")
    first = pending.ticket
    pending.edit("a.py")
    assert not pending.has_shown(first)
    assert pending.take_edits() == ["a.py"]
    pending.finish_edit("a.py")
    assert pending.has_shown(pending.ticket)


def test_a_change_that_could_not_be_shown_is_waited_for_with_the_next() -> None:
    pending = Pending()
    pending.edit("a.py")
    first = pending.ticket
    assert pending.take_edits() == ["a.py"]
    pending.edit("a.py")
    pending.retry_edit("a.py")
    assert not pending.has_shown(first)
    assert pending.take_edits() == ["a.py"]
    pending.finish_edit("a.py")
    assert pending.has_shown(first)
