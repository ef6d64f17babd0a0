"""Background work gives way to questions, and still gets on."""

from __future__ import annotations

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
