"""Takes the pictures of the docs from reports, through a Chromium of this machine.

python tools/pictures.py docs/pictures/backtest.png report.html --height 1500
python tools/pictures.py docs/pictures/waterfall.png waterfall.html --height 1150 --language en
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_SECONDS = 60
SCALE = 2
"""Pixels of the picture for one of the page, so that text stays sharp."""


def picture(page: Path, out: Path, *, width: int, height: int, language: str) -> None:
    """A PNG of the top of `page`, as a window of that size shows it. SystemExit where no browser made it."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"None of {', '.join(BROWSERS)} is on this machine.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shown = Path(folder) / "page.html"
        shown.write_text(in_language(page.read_text(encoding="utf-8"), language), encoding="utf-8")
        taken = Path(folder) / "page.png"
        done = subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
                f"--force-device-scale-factor={SCALE}",
                "--virtual-time-budget=3000",
                f"--window-size={width},{height}",
                f"--screenshot={taken}",
                shown.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        if done.returncode or not taken.exists():
            sys.exit(f"{browser} made no picture:\n{done.stderr[-2000:]}")
        shutil.copyfile(taken, out)


def in_language(page: str, language: str) -> str:
    """The page with the other language chosen at its start."""
    if language == "zh":
        return page
    return page.replace('id="zh" checked', 'id="zh"', 1).replace('id="en"', 'id="en" checked', 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Take a picture of a report.")
    parser.add_argument("out", type=Path, help="the PNG")
    parser.add_argument("page", type=Path, help="an HTML file that `houfu policy` wrote")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1500)
    parser.add_argument("--language", choices=("zh", "en"), default="zh")
    given = parser.parse_args()
    picture(given.page, given.out, width=given.width, height=given.height, language=given.language)


if __name__ == "__main__":
    main()
