"""What installing costs: size of the wheel and of a fresh environment of the default path, without torch."""

from __future__ import annotations

import argparse
import subprocess
import sys
import zipfile
from pathlib import Path

from bench.index import scratch
from bench.measure import bytes_by_part
from bench.report import Report

_ROOT = Path(__file__).parent.parent
_FORBIDDEN = ("torch", "sentence_transformers", "transformers")
_SHOWN = 12


def _wheel(folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, _ROOT]
    subprocess.run(pip, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def _install(wheel: Path, environment: Path) -> Path:
    """Install `wheel` as a user would, and return where its packages lie."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", wheel], check=True, capture_output=True)
    return next(environment.rglob("site-packages"))


def _report_wheel(report: Report, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = sorted(archive.infolist(), key=lambda item: -item.compress_size)
    rows = [(item.filename, item.compress_size / 1e6) for item in packed[:4]]
    size = wheel.stat().st_size / 1e6
    report.table(f"Wheel {wheel.name}: {size:.2f} MB", ("largest members", "MB"), rows)
    report.bar("wheel, MB", size, most=25.0)


def _report_installed(report: Report, packages: Path) -> None:
    parts = bytes_by_part(packages, lambda path: path.parts[0])
    total = sum(parts.values()) / 1e6
    rows = [(name, size / 1e6) for name, size in list(parts.items())[:_SHOWN]]
    # Python's own pip and setuptools are in it, as they are in a user's environment.
    report.table(
        f"Installed, with pip and everything it needs: {total:.0f} MB on disk", ("largest", "MB"), rows
    )
    present = [name for name in _FORBIDDEN if (packages / name).exists()]
    report.add(f"torch and its kin in the environment: {', '.join(present) or 'none'}")
    report.bar("installed default path, MB", total, most=600.0)
    report.bar("torch and its kin in it", len(present), most=0)


def main(arguments: list[str]) -> None:
    """Build the wheel, install it into a new environment, measure both."""
    parser = argparse.ArgumentParser(prog="python -m bench package", description=__doc__)
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    report = Report("package")
    with scratch() as folder:
        wheel = _wheel(folder)
        _report_wheel(report, wheel)
        _report_installed(report, _install(wheel, folder / "environment"))
    report.finish(save=options.save)
