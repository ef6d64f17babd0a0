from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench.quality import beside
from bench.quality.truth import Project, Question, Target

from conexus.engine.engine import Engine
from conexus.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = "def refund_the_payment(payment):\n    return payment.refund()\n"
PROJECT = Project(
    "shop", "", "", "", "python", (Question("q", "refund the payment", "semantic", (Target("pay.py"),)),)
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with Engine(Settings(), tmp_path / "data") as opened:
        yield opened


def made(root: Path, text: str) -> Path:
    root.mkdir()
    (root / "pay.py").write_text(text)
    return root


def test_the_same_path_in_another_project_is_no_answer(engine: Engine, tmp_path: Path) -> None:
    roots = [
        made(tmp_path / "shop", "def pay(bill):\n    return bill.payment\n"),
        made(tmp_path / "other", TEXT),
    ]
    folder, other = (beside.indexed(engine, root) for root in roots)
    (values,) = beside._apart(folder, other, PROJECT)
    assert values["alone"] == 1.0
    assert 0 < values["from the other folder"] < 1.0


def test_all_in_one_folder_each_is_a_repository(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "CACHE", tmp_path / "cache")
    roots = [made(tmp_path / name, TEXT) for name in ("shop", "other")]
    one = beside._together(roots[:1], roots[1])
    assert sorted(str(path.relative_to(one)) for path in one.rglob("*")) == [
        "other", "other/.git", "other/pay.py", "shop", "shop/.git", "shop/pay.py",
    ]  # fmt: skip
    folder = beside.indexed(engine, roots[0])
    (values,) = beside._in_one(folder, beside.indexed(engine, one), PROJECT)
    assert values["alone"] == 1.0
    assert 0 < values["all in one folder"] <= 1.0
