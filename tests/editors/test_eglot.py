"""Emacs with eglot as one more client: set up as docs/editors.md says, asked and jumped with."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.editors.test_neovim import environment, home

HERE = Path(__file__).parent
BLOCKS = re.findall(
    r"```elisp\n(.*?)```", (HERE.parents[1] / "docs" / "editors.md").read_text("utf-8"), re.DOTALL
)
EMACS = shutil.which("emacs")
FILES = {
    "shop/mail.py": 'def send_invoice(customer, basket):\n    """Send the invoice by mail."""\n',
    "c# code/größe #1.py": "# Überschrift 😀\ndef bestimme_größe(maß):  # 😀 Schuhgröße\n    return maß\n",
}
# Debian keeps packages outside of what `emacs -Q` looks at.
PACKAGES = """(dolist (directory (file-expand-wildcards "/usr/share/emacs/site-lisp/elpa/*"))
  (add-to-list 'load-path directory))
"""

__all__ = ["home"]  # a fixture, used by its name


pytestmark = pytest.mark.skipif(
    EMACS is None, reason="Emacs is not installed: Debian's emacs-nox and elpa-eglot bring it"
)


def test_emacs_searches_jumps_and_finds_symbols(home: Path) -> None:
    assert EMACS is not None
    project = home / "projects" / "emacs"
    (project / ".git").mkdir(parents=True)
    for name, text in FILES.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text, "utf-8")
    configuration = home / "configuration.el"
    configuration.write_text(PACKAGES + BLOCKS[0], "utf-8")
    done = subprocess.run(
        [EMACS, "-Q", "--batch", "-l", str(configuration), "-l", str(HERE / "eglot_smoke.el"), str(project)],
        env=environment(home),
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = [line for line in done.stdout.splitlines() if line.startswith(("ok", "FAIL"))]
    assert (done.returncode, len(said)) == (0, 6), f"{done.stdout}{done.stderr}"


@pytest.mark.parametrize("block", BLOCKS)
def test_lisp_of_the_docs_is_whole(block: str, tmp_path: Path) -> None:
    assert EMACS is not None
    file = tmp_path / "block.el"
    file.write_text(block, "utf-8")
    visit = f'(progn (find-file "{file}") (emacs-lisp-mode) (check-parens))'
    subprocess.run([EMACS, "-Q", "--batch", "--eval", visit], check=True, capture_output=True, timeout=60)
