"""The tools we compare with, pinned, in an environment of their own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.corpora import CACHE, digest_of_files
from bench.measure import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PINS = ("semble==0.7.0", "ripgrep==14.1.0", "attrs>=25.1")
RIVAL_PINS = (
    "usearch==2.26.6", "chroma-hnswlib==0.7.6", "sqlite-vec==0.1.9", "pysqlite3-binary==0.5.4.post2",
    "tantivy==0.27.0", "lancedb==0.40.0",
)  # fmt: skip
"""Search engines of `bench rivals`. hnswlib has no wheel, but Chroma's copy of it has; not every Python's own
`sqlite3` loads extensions."""
PLOT_PINS = ("matplotlib==3.11.2",)
SEMBLE = PINS[0].replace("==", " ")
MODES = ("bm25", "bm25+ranker", "hybrid")
_HERE = Path(__file__).parent
_SERVER = _HERE.parent / "server"

Answers = dict[str, list[list]]
"""Query id → [path, first line, last line] of each hit, best first."""


@cache
def environment() -> Path:
    """Return the folder of the peers' commands, installing them first if needed."""
    root, pins = CACHE / "peers", [*PINS, *RIVAL_PINS, *PLOT_PINS]
    installed = root / "pins.txt"
    if not installed.exists() or installed.read_text().split() != pins:
        if not root.exists():
            subprocess.run([sys.executable, "-m", "venv", root], check=True)
        pip = [root / "bin" / "python", "-m", "pip", "install", "-q", "--only-binary", ":all:", *pins]
        subprocess.run(pip, check=True)
        installed.write_text("\n".join(pins))
    return root / "bin"


def semble_answers(root: Path, revision: str, queries: Sequence[Mapping[str, str]]) -> dict[str, Answers]:
    """Return semble's answers by mode. They are kept: the same folder and model answer the same."""
    job = {"root": str(root), "limit": 10, "modes": MODES, "queries": list(queries)}
    key = hashlib.blake2b(json.dumps([job, revision, PINS, _model_digest()]).encode(), digest_size=8)
    kept = CACHE / "answers" / f"{root.name}-{key.hexdigest()}.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(_ask_semble(job))
    return json.loads(kept.read_text())


def semble_command(root: Path, query: str) -> list[str]:
    """Return semble's command that indexes `root` if its cache does not know it, and searches it."""
    return [str(environment() / "semble"), "search", query, str(root), "-k", "1", "--max-snippet-lines", "0"]


def semble_environment(cache_folder: Path) -> dict[str, str]:
    """Return the variables with which semble runs offline, on a stand-in for its weights."""
    return {
        "SEMBLE_CACHE_LOCATION": str(cache_folder),
        "SEMBLE_MODEL_NAME": str(stand_in_model()),
        "HF_HUB_OFFLINE": "1",
    }


def stand_in_model() -> Path:
    """Return a model2vec model of the shape of semble's: 62,500 WordPiece tokens, 256 dimensions.

    Semble's weights cannot be fetched here. Its speed does not depend on their values, so random ones over
    a vocabulary of real words stand in when time is measured; they say nothing of its quality.
    """
    root = CACHE / "stand-in-model"
    if not root.exists():
        script = _HERE / "semble_model.py"
        subprocess.run([environment() / "python", script, _vocabulary(), root], check=True)
    return root


def _ask_semble(job: Mapping[str, object]) -> str:
    variables = {**os.environ, "PYTHONPATH": str(_SERVER)}
    command = [environment() / "python", _HERE / "semble_search.py"]
    done = subprocess.run(
        command, input=json.dumps(job), env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandError(f"semble failed on {job['root']}\n{done.stderr[-2000:]}")
    return done.stdout


@cache
def _model_digest() -> str:
    embedding = _SERVER / "conexus/embedding"
    return digest_of_files([*embedding.glob("*.py"), *(embedding / "model").iterdir()])


def _vocabulary() -> Path:
    return _SERVER / "conexus/embedding/model/vocab.txt"
