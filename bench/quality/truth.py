"""Questions with their known answers: the repositories' file, CoSQA, and our own about pinned packages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PINNED = Path(__file__).parent / "pinned.json"

Places = list[list]
"""[path, first line, last line] of each hit, best first."""


@frozen
class Target:
    """Where an answer is: a file, or lines of it (0, 0 means all)."""

    path: str
    first: int = 0
    last: int = 0

    def is_hit_by(self, path: str, first: int, last: int) -> bool:
        """Return whether a hit at these lines finds this target."""
        same = path == self.path or path.endswith(f"/{self.path}") or self.path.endswith(f"/{path}")
        return same and (not self.last or (first <= self.last and last >= self.first))


@frozen
class Question:
    """A query with its known answers."""

    id: str
    text: str
    category: str
    targets: tuple[Target, ...]


@frozen
class Project:
    """A repository's questions; `root` is the sub-folder that published figures index."""

    name: str
    repository: str
    revision: str
    root: str
    language: str
    questions: tuple[Question, ...]


def projects_in(file: Path, only: Sequence[str] = ()) -> list[Project]:
    """Return the projects of a query file, in its order."""
    records = json.loads(file.read_text())
    return [_project(record) for record in records if not only or record["name"] in only]


def cosqa(folder: Path) -> tuple[dict[str, str], Project]:
    """Return the functions as files ``cosqa/NNNN.py``, and the 500 human questions about them."""
    index = json.loads((folder / "code_idx_map.txt").read_text())
    functions = sorted(index, key=index.__getitem__)
    records = json.loads((folder / "cosqa-retrieval-dev-500.json").read_text())
    questions = tuple(
        Question(r["idx"], r["doc"], "web", (Target(f"cosqa/{r['retrieval_idx']:04}.py"),)) for r in records
    )
    files = {f"cosqa/{number:04}.py": text for number, text in enumerate(functions)}
    return files, Project("cosqa", "", "dev", "", "python", questions)


_SUFFIXES = {
    "c": ".cpp", "csharp": ".cs", "go": ".go", "haskell": ".hs", "java": ".java", "js": ".ts", "php": ".php",
    "python": ".py", "rust": ".rs",
}  # fmt: skip
"""How files of a pool are called: it does not say which of two languages a function of ``c`` and ``js`` is in."""
_BEGINNINGS = {"php": "<?php\n"}
FIRST_EIGHT = ("python", "js", "go", "rust", "java", "c", "php", "haskell")
"""The pools whose mean is the figure of the model card."""


@frozen
class Pool:
    """Functions of packages that the model was not trained on, asked for by their documentation."""

    files: Mapping[str, str]
    """Path → text, one function a file."""
    project: Project


def pools(file: Path, only: Sequence[str] = ()) -> list[Pool]:
    """Return the pools that ``python -m bench.train prepare`` wrote, by language."""
    records = json.loads(file.read_text())
    return [_pool(name, pairs) for name, pairs in records.items() if not only or name in only]


def _pool(language: str, pairs: Sequence[tuple[str, str]]) -> Pool:
    paths = [f"{language}/{number:04}{_SUFFIXES[language]}" for number in range(len(pairs))]
    beginning = _BEGINNINGS.get(language, "")
    questions = tuple(
        Question(path, asked, "documentation", (Target(path),))
        for path, (asked, _) in zip(paths, pairs, strict=True)
    )
    files = {path: beginning + code for path, (_, code) in zip(paths, pairs, strict=True)}
    project = Project(f"pool-{language}", "", "held out", "", language, questions)
    return Pool(files, project)


def _project(record: Mapping) -> Project:
    questions = tuple(
        Question(
            q["id"], q["query"], q["category"], tuple(map(_target, [*q["relevant"], *q.get("secondary", ())]))
        )
        for q in record["queries"]
    )
    names = ("name", "repository", "revision", "root", "language")
    return Project(*(record[name] for name in names), questions)


def _target(record: str | Mapping) -> Target:
    if isinstance(record, str):
        return Target(record)
    return Target(record["path"], record["start_line"], record["end_line"])
