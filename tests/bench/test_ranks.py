"""Tables of ranks: what is written is read, and two columns compare question by question."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from bench.quality import ranks
from bench.quality.pinned import BASELINE, PINNED, regression
from bench.quality.truth import projects_in

TABLE = {"conexus": {"a": (1, 0), "b": (12,)}, "our lexical": {"a": (0, 3), "b": (1,)}}


def bench(*arguments):
    command = [sys.executable, "-m", "bench", "quality", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_table_is_read_as_it_was_written(tmp_path):
    file = tmp_path / "set.tsv"
    ranks.write(file, TABLE)
    assert file.read_text().splitlines()[1] == "a\t1,-\t-,3"
    assert ranks.read(file) == TABLE


def test_compare_prints_differences_and_the_most_changed(tmp_path):
    file = tmp_path / "set.tsv"
    ranks.write(file, TABLE)
    done = bench("compare", f"{file}:our lexical", file)
    assert done.returncode == 0, done.stderr
    assert "2 questions in common" in done.stdout
    assert "-1.00 b: 1 → 12" in done.stdout
    assert "+0.31 a: -,3 → 1,-" in done.stdout


@pytest.mark.parametrize("named", ["nothing", "pinned:nobody"])
def test_compare_says_what_there_is_instead(named):
    done = bench("compare", named, "pinned")
    assert done.returncode == 1
    assert "pinned" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_rule_for_regressions():
    baseline = {f"p-{n}": (1 + n % 4,) for n in range(50)}
    assert regression(baseline, baseline) == ""
    one_worse = baseline | {"p-1": (3,)}
    assert regression(baseline, one_worse) == ""
    many_worse = baseline | {f"p-{n}": (2 + n % 4,) for n in range(12)}
    assert "fell beyond noise" in regression(baseline, many_worse)
    assert regression(many_worse, baseline) == ""
    assert "p-7" in regression(baseline, {key: value for key, value in baseline.items() if key != "p-7"})


def test_the_baseline_answers_the_pinned_questions():
    questions = {q.id: q for project in projects_in(PINNED) for q in project.questions}
    baseline = ranks.read(BASELINE)[ranks.DEFAULT]
    assert baseline.keys() == questions.keys()
    assert all(len(baseline[key]) == len(one.targets) for key, one in questions.items())


def test_pinned_packages_are_known_by_hash_and_licence():
    for record in json.loads(PINNED.read_text()):
        assert len(record["sha256"]) == 64
        assert record["licence"]


def test_committed_tables_hold_ids_and_ranks_only():
    for file in ranks.TABLES.glob("*.tsv"):
        assert all(" " not in key for answers in ranks.read(file).values() for key in answers)
