"""Benchmark repositories are not in the training data: no package of theirs, no copy of their code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.corpora import CACHE
from bench.train.fetch import pinned
from bench.train.licences import in_excluded_folder, is_excluded
from bench.train.mine import read
from bench.train.overlap import is_copy, lines_below
from bench.train.prepare import key_of

if TYPE_CHECKING:
    import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this step."""
    parser.add_argument(
        "--repositories", type=Path, default=CACHE / "repositories", help="checkouts of the benchmark"
    )


def run(options: argparse.Namespace) -> int:
    """Print what is wrong; return 1 if anything is, or if not everything could be checked."""
    wrong = [
        f"{s.registry}:{s.name} is learned from"
        for s in pinned()
        if is_excluded(s.name) and s.used == "learned"
    ]
    missing = [
        *([] if (options.work / "learned.txt").exists() else [f"no pairs in {options.work} (mine, prepare)"]),
        *([] if options.repositories.exists() else [f"no checkouts in {options.repositories}"]),
    ]
    if missing:
        wrong.append(f"only names were checked, not code: {', '.join(missing)}")
    else:
        wrong += copies(options.work, options.repositories)
    print("\n".join(wrong) or "no benchmark repository in the training data")
    return 1 if wrong else 0


def copies(work: Path, repositories: Path) -> list[str]:
    """Return the pairs that `prepare` kept though they stand in a repository, or in a folder called like one."""
    learned = set((work / "learned.txt").read_text().split())
    theirs = lines_below(repositories)
    return [
        f"{pair.package} {pair.path} {pair.name}"
        for pair in read(work / "pairs")
        if (in_excluded_folder(pair.path) or is_copy(pair.code, theirs)) and key_of(pair) in learned
    ]
