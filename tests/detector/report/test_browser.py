"""What a browser makes of the page: Chromium without a window, at the width of a phone and more."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.report import ReportInput, write_report

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path")

# Measures the page in frames of these widths: a window cannot be as narrow as a phone everywhere.
WIDTHS = (320, 390, 1280)
MEASURE = """
  let page = this.contentDocument.documentElement;
  let inner = this.contentWindow.innerWidth;
  let wide = [...page.querySelectorAll('body *')].filter(
    one => !one.closest('.scroll, svg') && one.getBoundingClientRect().right > inner + 1);
  document.body.append('page ' + page.scrollWidth + ' in ' + inner + '; beyond: '
    + wide.map(one => one.outerHTML.slice(0, 80)).join(' | ') + ' end');
"""
FRAMES = "<!DOCTYPE html>" + "".join(
    f'<iframe src="report.html" width="{width}" height="800" style="border: 0"'
    f' onload="{MEASURE}"></iframe>'
    for width in WIDTHS
)


def chromium(folder: Path, page: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Open a page of our own; without a sandbox, which needs rights that test machines lack."""
    flags = (
        "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--enable-logging=stderr", "--allow-file-access-from-files", "--no-first-run",
        "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}",
    )  # fmt: skip
    return subprocess.run(
        [CHROMIUM, *flags, *arguments, page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


def test_nothing_scrolls_sideways_and_nothing_is_complained_of(
    report: ReportInput, tmp_path: Path
) -> None:
    write_report(tmp_path, report)
    frames = tmp_path / "frames.html"
    frames.write_text(FRAMES, encoding="utf-8")
    run = chromium(tmp_path, frames, "--dump-dom")
    measured = re.findall(r"page (\d+) in (\d+); beyond: (.*?) end", run.stdout, re.DOTALL)
    assert sorted(measured) == sorted((str(width), str(width), "") for width in WIDTHS)
    assert "CONSOLE" not in run.stderr


def test_the_page_is_seen(report: ReportInput, tmp_path: Path) -> None:
    page = write_report(tmp_path, report)
    picture = tmp_path / "seen.png"
    run = chromium(tmp_path, page, f"--screenshot={picture}", "--window-size=1000,1400")
    assert "CONSOLE" not in run.stderr
    with Image.open(picture) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    assert pixels.shape == (1400, 1000, 3)
    accent = np.array([0x0B, 0x5C, 0xAD])
    assert (np.abs(pixels.astype(int) - accent).max(axis=2) < 10).mean() > 0.002
    assert (pixels == 255).all(axis=2).mean() > 0.5
