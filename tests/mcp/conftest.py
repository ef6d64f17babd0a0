from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from tests.mcp.agents import Agent, HttpServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

FILES = """\
//- /.gitignore
ignored/
//- /README.md
# Lamps

How lamps are switched is told in `lamps.py`.
//- /lamps.py
'''Lamps.'''

from switches import Switch


class Lamp:
    '''One lamp.'''

    def turn_on(self, switch: Switch) -> bool:
        '''Light the lamp when its switch is pressed.'''
        return switch.pressed()


def brightest(lamps: list[Lamp]) -> Lamp:
    return max(lamps, key=lambda lamp: lamp.lumen)
//- /switches.py
'''Switches.'''

TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"


class Switch:
    def pressed(self) -> bool:
        return True
//- /tests/test_lamps.py
from lamps import Lamp
from switches import Switch


def test_a_lamp_turns_on():
    assert Lamp().turn_on(Switch())
//- /deep/er/notes.txt
nothing of note
//- /.env
PASSWORD=hunter2hunter2
//- /ignored/hidden.py
def hidden(): return 'lamp'
"""


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where engine, log and settings of a module's servers live."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, written: Callable[[Path, str], Path]) -> Path:
    """Return a folder with a history, secrets, ignored files and a link that leads out."""
    above = tmp_path_factory.mktemp("world")
    (above / "outside.py").write_text("def outside(): return 'lamp'\n", "utf-8")
    root = above / "project"
    root.mkdir()
    written(root, FILES)
    # On this, engines that try and go back would run for ever.
    (root / "deep" / "er" / "notes.txt").write_text("nothing of note\n" + "a" * 5_000 + "!\n", "utf-8")
    (root / "link.py").symlink_to(above / "outside.py")
    (root / "linked").symlink_to(above)
    git(root, "init", "-q", "-b", "feature/LAMP-7")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "LAMP-7: lamps light when their switch is pressed")
    return root


@pytest.fixture(scope="module")
def server(home: Path, project: Path) -> Iterator[HttpServer]:
    made = HttpServer(home, project, requests_per_minute=0)
    yield made
    made.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["stdio", "http"])
async def agent(
    request: pytest.FixtureRequest, home: Path, project: Path, server: HttpServer
) -> AsyncIterator[Agent]:
    """Return an agent on the project, by both ways."""
    made = await Agent.stdio(home, project) if request.param == "stdio" else await server.agent()
    await made.settled()
    yield made
    await made.stop()
