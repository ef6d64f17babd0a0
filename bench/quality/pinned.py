"""The small set that every change is held to: questions of our own about pinned packages.

The packages are what their authors publish as source, fetched by the ordinary clients and known by their hash.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from bench.corpora import CACHE
from bench.quality import ranks
from bench.quality.measures import paired, score
from bench.quality.truth import PINNED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.quality.measures import Ranks

BASELINE = ranks.TABLES / "pinned.tsv"
_NOISE_P, _NOISE, _MOST = 0.05, 0.005, 0.05


def folders() -> dict[str, Path]:
    """Return the folder of each package by name; those of npm only where there is npm."""
    records = [one for one in json.loads(PINNED.read_text()) if shutil.which("npm") or not _of_npm(one)]
    # Most of the time goes into waiting for the registry, and for pip's look at each package's metadata.
    with ThreadPoolExecutor() as pool:
        return dict(zip((one["name"] for one in records), pool.map(_folder, records), strict=True))


def regression(baseline: Mapping[str, Ranks], now: Mapping[str, Ranks]) -> str:
    """Return what got worse beyond noise, empty if nothing did.

    The rule: nDCG@10 of the questions in both, paired. It is a regression if the mean is lower by more than
    `_NOISE` and exchanging before and after at random on each question makes as large a difference less than
    5 times of 100; or if it is lower by more than `_MOST`, whatever chance says. Questions that are no longer
    answered at all would hide, so it is one too if a question of the baseline is missing.
    """
    if missing := sorted(baseline.keys() - now.keys()):
        return f"questions of the baseline were not asked: {', '.join(missing)}"
    ids = sorted(baseline)
    before = score({key: baseline[key] for key in ids})["nDCG@10"]
    after = score({key: now[key] for key in ids})["nDCG@10"]
    result = paired([before[key] for key in ids], [after[key] for key in ids])
    lost = -result.difference.mean
    if lost > _MOST or (lost > _NOISE and result.p < _NOISE_P):
        return f"nDCG@10 fell beyond noise: {result}, wins {result.wins}, losses {result.losses}"
    return ""


def check(now: Mapping[str, Ranks]) -> str:
    """Return what got worse beyond noise since the baseline was written; packages not fetched do not count."""
    fetched = {_package(key) for key in now}
    baseline = ranks.read(BASELINE)[ranks.DEFAULT]
    return regression({key: value for key, value in baseline.items() if _package(key) in fetched}, now)


def _package(key: str) -> str:
    return key.rpartition("-")[0]


def _of_npm(record: Mapping[str, str]) -> bool:
    return record["repository"].startswith("npm:")


def _folder(record: Mapping[str, str]) -> Path:
    """Return the package's files, fetched and unpacked once for each hash."""
    root = CACHE / "pinned" / f"{record['name']}-{record['revision']}-{record['sha256'][:8]}"
    if not root.exists():
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent) as scratch:
            archive = _fetched(record, Path(scratch))
            files = Path(scratch) / "files"
            with tarfile.open(archive) as tarball:
                tarball.extractall(files, filter="data")
            # An archive holds one folder, named after the package.
            _isolate(next(files.iterdir())).rename(root)
    return root


def _isolate(root: Path) -> Path:
    """Let no ignore rules reach these files: not those of what surrounds them, and not those they were tracked against."""
    subprocess.run(["git", "init", "-q", root], check=True)
    for rules in root.rglob(".gitignore"):
        rules.unlink()
    return root


def _fetched(record: Mapping[str, str], folder: Path) -> Path:
    name, version, digest = record["name"], record["revision"], record["sha256"]
    if _of_npm(record):
        command = ["npm", "pack", "--silent", f"{name}@{version}"]
    else:
        wanted = folder / "wanted.txt"
        wanted.write_text(f"{name}=={version} --hash=sha256:{digest}\n")
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", name,
                   "--require-hashes", "-r", str(wanted)]  # fmt: skip
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    archive = next(path for path in folder.iterdir() if path.suffix in {".gz", ".tgz"})
    if hashlib.sha256(archive.read_bytes()).hexdigest() != digest:
        raise SystemExit(f"{archive.name} is not the file that bench/quality/pinned.json was written for")
    return archive
