"""The Neovim client in the real Neovim: specs in tests/editors/neovim, typed into a Neovim of their own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent / "neovim"
PLUGIN = Path(__file__).parents[2] / "editors" / "neovim"
SPECS = sorted(path.name.removesuffix("_spec.lua") for path in HERE.glob("*_spec.lua"))
NVIM = os.environ.get("NVIM_BIN") or shutil.which("nvim")

pytestmark = pytest.mark.skipif(NVIM is None, reason="Neovim is not installed: `nox -s neovim` brings one")


def processes(home: Path) -> set[int]:
    """Return every process whose environment or working directory is that of a test below `home`."""
    found = set()
    marker = f"CONEXUS_DATA_DIR={home}".encode()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and marker in (entry / "environ").read_bytes():
                found.add(int(entry.name))
    return found


def gone(home: Path, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while processes(home) and time.monotonic() < end:
        time.sleep(0.1)
    return not processes(home)


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a user who has nothing but this plugin and whose `conexus` is ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONEXUS_", "NVIM"))}
    runtime = home / "run"
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "SPEC_PLUGIN": str(PLUGIN),
        "SPEC_DIRECTORY": str(home / "projects"),
        "CONEXUS_DATA_DIR": str(home / "data"),
        "CONEXUS_STATE_DIR": str(home / "state-conexus"),
        "CONEXUS_ENGINE_IDLE_SECONDS": "1",
        "CONEXUS_INDEX_WORKERS": "1",
        **{f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")},
        "XDG_RUNTIME_DIR": str(runtime),
    }


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    # Neither editor nor server nor engine may stay behind.
    clean = gone(tmp_path)
    for pid in processes(tmp_path):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    assert clean


@pytest.mark.parametrize("spec", SPECS)
def test_spec(spec: str, home: Path) -> None:
    assert NVIM is not None
    done = subprocess.run(
        [NVIM, "--clean", "--headless", "-l", str(HERE / "runner.lua"), str(HERE / f"{spec}_spec.lua")],
        env=environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    log = home / "state-conexus" / "conexus.log"
    tail = log.read_text("utf-8")[-3000:] if log.exists() else ""
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{tail}"


def test_vim_script_of_the_docs_is_understood(home: Path) -> None:
    assert NVIM is not None
    page = (PLUGIN.parents[1] / "docs" / "editors.md").read_text("utf-8")
    blocks = re.findall(r"```vim\n(.*?)```", page, re.DOTALL)
    assert blocks
    # What vim-lsp would be told.
    told = "function lsp#register_server(server)\n  let g:told = a:server\nendfunction\n"
    script = home / "autoload" / "lsp.vim"
    script.parent.mkdir()
    script.write_text(told, "utf-8")
    for number, block in enumerate(blocks):
        file = home / f"{number}.vim"
        file.write_text(f"set runtimepath+={home}\n{block}doautocmd User lsp_setup\n", "utf-8")
        command = [NVIM, "--clean", "--headless", "-S", str(file)]
        report = ["-c", "echo g:told.cmd g:told.allowlist", "-c", "qa!"]
        done = subprocess.run(
            [*command, *report], env=environment(home), capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stderr.strip() == "['conexus', 'lsp'] ['*']"
