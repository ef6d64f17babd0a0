from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.quality import asking
from bench.quality.truth import Question, Target, pools

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_pool_is_a_file_a_function_and_its_documentation_asks_for_it(tmp_path: Path) -> None:
    file = tmp_path / "pools.json"
    file.write_text(json.dumps({"go": [["Adds.", "func Add() {}"]], "php": [["Pays.", "function pay() {}"]]}))
    go, php = pools(file)
    assert go.files == {"go/0000.go": "func Add() {}"}
    assert php.files == {"php/0000.php": "<?php\nfunction pay() {}"}
    (question,) = php.project.questions
    assert question.text == "Pays."
    assert question.targets[0].is_hit_by("php/0000.php", 1, 2)
    assert not question.targets[0].is_hit_by("php/0001.php", 1, 2)
    assert [pool.project.language for pool in pools(file, ["php"])] == ["php"]


def test_files_of_a_set_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "CACHE", tmp_path)
    files = {"go/0000.go": "one\r\ntwo", "go/0001.go": "lone \ud800 surrogate"}
    root = asking.folder_of("pool-go", files)
    assert (root / "go/0000.go").read_bytes() == b"one\r\ntwo"
    before = (root / "go/0001.go").stat().st_mtime_ns
    asking.folder_of("pool-go", files)
    assert (root / "go/0001.go").stat().st_mtime_ns == before
    asking.folder_of("pool-go", {**files, "go/0001.go": "another"})
    assert (root / "go/0001.go").read_text() == "another"


def test_the_model_alone_answers_with_the_paths_of_the_files() -> None:
    files = {
        "a/x.py": "def add(a, b):\n    return a + b",
        "a/y.py": "def open_socket(host):\n    connect(host)",
    }
    asked = Question("q", "connect to a socket of a host", "semantic", (Target("a/y.py"),))
    assert asking.embedded(files, [asked])["q"][0] == ["a/y.py", 1, 1]
