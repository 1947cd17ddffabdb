"""The README shows the demo as it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from docs.page import ROOT, blocks_of
from houfu.core.reason import Reason

READMES = ("README.md", "README.zh-CN.md")


def _words(text: str) -> set[str]:
    """The wording of each line without its figures. Lines that name a reason or a rule are left out: a year may lack one."""
    reasons = {reason.value for reason in Reason}
    lines = (line for line in text.splitlines() if re.search(r"\b[A-E][1-9][0-9]?\b", line) is None)
    words = (re.findall(r"[A-Za-z_']+", line) for line in lines)
    return {" ".join(line) for line in words if line and reasons.isdisjoint(line)}


def test_every_line_of_the_shown_year_is_worded_as_the_demo_words_it(tmp_path: Path) -> None:
    """A small year stands for the shown one: the figures are the year's own, the words are the demo's."""
    done = subprocess.run(
        [sys.executable, "-m", "houfu.cli", "demo", "--stores", "30", "--days", "40", "--no-serve"],
        cwd=ROOT,
        env=os.environ | {"HOUFU_DATA_DIR": str(tmp_path), "COLUMNS": "120", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    printed = _words(done.stderr)
    for readme in READMES:
        (shown,) = (
            block.text
            for block in blocks_of((ROOT / readme).read_text(encoding="utf-8"))
            if "Houfu: the year" in block.text
        )
        assert _words(shown) - printed == set()
