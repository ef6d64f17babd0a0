"""Texts that editors have open, many of them at once: each is found, and one that does not belong costs only itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conexus.search.query import SearchRequest

if TYPE_CHECKING:
    from pathlib import Path

    from conexus.engine.engine import Engine
    from conexus.engine.folder import Folder

MANY = 40


@pytest.fixture
def folder(engine: Engine, tmp_path: Path) -> Folder:
    root = tmp_path / "project"
    root.mkdir()
    for number in range(MANY):
        (root / f"m{number}.py").write_text(f"def heron_{number}():\n    return {number}\n")
    (root / ".gitignore").write_text("left_out.py\n")
    opened = engine.open(root)
    opened.keep_worker()
    opened.reconcile()
    return opened


def first(folder: Folder, text: str) -> str:
    return folder.search(SearchRequest(text)).hits[0].path


def test_a_replacement_in_many_open_texts_is_found_at_once(folder: Folder) -> None:
    names = [f"m{number}.py" for number in range(MANY)]
    for number, name in enumerate(names):
        folder.texts.put("editor", name, 2, f"def bittern_{number}():\n    return {number}\n")
    assert not folder.show_texts(names)
    assert [first(folder, f"bittern_{number}") for number in (0, 17, MANY - 1)] == [
        "m0.py",
        "m17.py",
        "m39.py",
    ]
    assert not [hit for hit in folder.search(SearchRequest("heron_17")).hits if "heron" in hit.excerpt]


def test_of_several_texts_each_counts_by_itself(folder: Folder) -> None:
    texts = {
        "m1.py": "def bittern():\n    return 1\n",
        "m2.py": "\0binary",
        "left_out.py": "def bittern_left_out():\n    return 1\n",
        "m3.py": "def curlew():\n    return 1\n",
    }
    for path, text in texts.items():
        folder.texts.put("editor", path, 2, text)
    # Nobody has m4 open any more, as after a close.
    assert not folder.show_texts([*texts, "m4.py"])
    assert first(folder, "bittern") == "m1.py"
    assert first(folder, "curlew") == "m3.py"
    assert first(folder, "heron_4") == "m4.py"
    found = {hit.path for hit in folder.search(SearchRequest("bittern_left_out")).hits}
    assert "left_out.py" not in found
    for path in texts:
        folder.texts.drop("editor", path)
    assert not folder.show_texts(list(texts))
    assert first(folder, "heron_1") == "m1.py"
    assert first(folder, "heron_2") == "m2.py"
