"""Background work gives way to questions, and still gets on."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

from conexus.engine import questions
from conexus.engine.questions import Questions


def test_work_waits_for_the_answer(monkeypatch) -> None:
    monkeypatch.setattr(questions, "_LONGEST_SECONDS", 60.0)
    asked, order = Questions(), []

    def work() -> None:
        asked.give_way()
        order.append("work")

    with asked.asked():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(0.2)
        order.append("answer")
    thread.join(10)
    assert order == ["answer", "work"]
    # Nobody asks any more.
    asked.give_way()


def test_work_goes_on_under_questions_without_end(monkeypatch) -> None:
    monkeypatch.setattr(questions, "_LONGEST_SECONDS", 0.2)
    asked = Questions()
    with asked.asked():
        asked.give_way()
        began = time.monotonic()
        for _ in range(1_000):
            asked.give_way()  # its own time has come
        assert time.monotonic() - began < 60


def test_a_failed_answer_is_over() -> None:
    asked = Questions()
    with pytest.raises(ValueError, match="broken"), asked.asked():
        raise ValueError("broken")
    assert asked._count == 0


def test_so_many_begin_at_once_in_the_order_they_came(monkeypatch) -> None:
    monkeypatch.setattr(questions, "_TURN_SECONDS", 3600.0)
    asked, begun, order = Questions(), [threading.Event() for _ in range(6)], []
    may_end = [threading.Event() for _ in range(6)]

    def answer(number: int) -> None:
        with asked.asked():
            order.append(number)
            begun[number].set()
            may_end[number].wait(30)

    threads = []
    for number in range(6):
        threads.append(threading.Thread(target=answer, args=(number,)))
        threads[-1].start()
        while asked._count <= number:
            time.sleep(0.001)
    assert all(one.wait(10) for one in begun[: questions._AT_ONCE])
    assert not begun[questions._AT_ONCE].wait(0.1), "one more than there is room for has begun"
    for number in range(6):
        assert begun[number].wait(10)
        may_end[number].set()
    for thread in threads:
        thread.join(10)
    # The first ones begin together.
    assert order[questions._AT_ONCE :] == list(range(questions._AT_ONCE, 6))


def test_who_takes_long_keeps_nobody_from_beginning(monkeypatch) -> None:
    monkeypatch.setattr(questions, "_TURN_SECONDS", 0.02)
    asked, end, answered = Questions(), threading.Event(), threading.Event()

    def long_one() -> None:
        with asked.asked():
            end.wait(30)

    def short_one() -> None:
        with asked.asked():
            answered.set()

    slow = [threading.Thread(target=long_one) for _ in range(questions._AT_ONCE)]
    for thread in (*slow, threading.Thread(target=short_one)):
        thread.start()
    assert answered.wait(10)
    end.set()
    for thread in slow:
        thread.join(10)


def test_a_failed_answer_gives_its_place_back(monkeypatch) -> None:
    monkeypatch.setattr(questions, "_TURN_SECONDS", 3600.0)
    asked = Questions()
    for _ in range(2 * questions._AT_ONCE):
        with contextlib.suppress(ValueError), asked.asked():
            raise ValueError("broken")
