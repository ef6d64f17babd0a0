from __future__ import annotations

import pytest

from conexus.search.projects import Projects, weights


def near(count: int, score: float = 0.5) -> list[float]:
    return [score] * count


def test_the_project_that_has_more_of_what_is_near_than_of_all_is_meant() -> None:
    found = weights({"small": 1_000, "huge": 99_000}, {"small": near(30), "huge": near(70)})
    assert found["small"] == 1.0
    assert found["huge"] < 0.3


def test_where_what_is_near_lies_as_all_does_every_project_counts_alike() -> None:
    found = weights({"small": 10_000, "big": 90_000}, {"small": near(10), "big": near(90)})
    assert found == pytest.approx({"small": 1.0, "big": 1.0})


def test_a_huge_project_is_meant_where_a_small_one_has_nothing_near() -> None:
    found = weights({"small": 50_000, "huge": 50_000}, {"small": [], "huge": near(100)})
    assert found["huge"] == 1.0
    assert found["small"] < 0.5


def test_agents_that_disagree_leave_all_as_it_is() -> None:
    sizes = {"one": 5_000, "other": 5_000}
    assert weights(sizes, {"one": near(100)}, {"other": near(100)}) == pytest.approx(
        {"one": 1.0, "other": 1.0}
    )
    agreed = weights(sizes, {"one": near(100)}, {"one": near(60), "other": near(40)})
    assert agreed["other"] < weights(sizes, {"one": near(60), "other": near(40)})["other"]


def test_only_the_nearest_tell() -> None:
    sizes = {"one": 5_000, "other": 5_000}
    assert weights(sizes, {"one": near(150, 0.6), "other": near(150, 0.3)})["other"] < 0.5


def test_however_dense_a_project_is_the_others_keep_a_share() -> None:
    found = weights({"tiny": 10, "huge": 10_000_000}, {"tiny": near(100), "huge": []})
    assert found["tiny"] == 1.0
    assert found["huge"] > 1 / 100


def test_few_near_chunks_prove_little() -> None:
    certain = weights({"one": 1_000, "other": 1_000}, {"one": near(100), "other": []})["other"]
    doubtful = weights({"one": 20, "other": 20}, {"one": near(4), "other": []})["other"]
    assert certain < doubtful < 1.0


@pytest.mark.parametrize(
    ("found", "sizes"),
    [({}, {}), ({"one": []}, {"one": 1_000}), ({"one": near(3)}, {"one": 3}), ({"one": []}, {"one": 0})],
)
def test_without_anything_to_go_by_all_count_the_same(
    found: dict[str, list[float]], sizes: dict[str, int]
) -> None:
    assert weights(sizes, found) == dict.fromkeys(sizes, 1.0)


def test_what_has_no_chunks_yet_is_neither_lifted_nor_in_the_way() -> None:
    assert weights({"new": 0, "old": 1_000}, {"new": [], "old": near(100)}) == {"new": 1.0, "old": 1.0}


def test_a_folder_without_repositories_of_its_own_has_no_projects() -> None:
    assert Projects.of([], [("a.py", 3)]) is None


def test_a_file_belongs_to_the_innermost_project_around_it() -> None:
    chunks = [("a/x.py", 2), ("a/deep/er/y.py", 3), ("a/other/z.py", 4), ("top.py", 1), ("ab/w.py", 5)]
    projects = Projects.of(["a", "a/deep"], chunks)
    assert projects is not None
    assert projects.sizes == {"a": 6, "a/deep": 3, "": 6}
    assert projects.around("a/deep/new.py") == "a/deep"
    assert projects.around("elsewhere/x.py") == ""


def test_projects_are_weighed_by_where_the_candidates_lie() -> None:
    projects = Projects.of(["a", "b"], [("a/x.py", 100), ("b/y.py", 900)])
    assert projects is not None
    found = projects.weights([("a/x.py", 0.6)] * 60 + [("b/y.py", 0.5)] * 40)
    assert found["a"] == 1.0
    assert found["b"] < 0.5
