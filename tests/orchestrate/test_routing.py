"""Which workflow a question gets, and what its limits are."""

from __future__ import annotations

import pytest

from conexus.orchestrate.evidence import Role
from conexus.orchestrate.routing import Profile, Task, limits_of, task_of


@pytest.mark.parametrize(
    ("question", "task"),
    [
        ("where are retries counted", Task.CODE),
        ("HttpClient.send", Task.CODE),
        ("why does the watcher hang after a rename", Task.DEBUG),
        ("it crashes when the list is empty", Task.DEBUG),
        ("is the query sanitized before it reaches SQL injection", Task.SECURITY),
        ("overview of the layers", Task.ARCHITECTURE),
        ("what does the documentation say about settings", Task.DOCS),
    ],
)
def test_words_tell_the_task(question: str, task: Task) -> None:
    assert task_of(question) is task


@pytest.mark.parametrize("task", list(Task))
def test_profiles_are_stricter_and_more_relaxed(task: Task) -> None:
    strict, usual, relaxed = (limits_of(task, profile) for profile in Profile)
    assert strict.seconds < usual.seconds < relaxed.seconds
    assert strict.least_confidence > usual.least_confidence > relaxed.least_confidence
    assert strict.budget < usual.budget < relaxed.budget
    assert strict.subjects < usual.subjects < relaxed.subjects


def test_tasks_give_room_to_what_they_are_about() -> None:
    room = {task: limits_of(task, Profile.DEFAULT).shares for task in Task}
    assert max(room, key=lambda task: room[task][Role.DOCUMENT]) is Task.DOCS
    assert max(room, key=lambda task: room[task][Role.CALLER]) is Task.SECURITY
    assert all(sum(shares.values()) < 0.5 for shares in room.values())
    assert [task for task in Task if limits_of(task, Profile.DEFAULT).past] == [Task.DEBUG, Task.SECURITY]
