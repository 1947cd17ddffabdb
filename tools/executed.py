"""Runs the commands of a page and writes what they print below them.

python tools/executed.py docs/guides/risk.md
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from docs.session import run_page  # noqa: E402 (the tests read pages the same way)


def executed(text: str) -> str:
    """The page with every `sh` block followed by its output, run as the tests run it."""
    lines = text.splitlines()
    commands, spans = _commands(lines)
    with tempfile.TemporaryDirectory() as folder:
        printed = run_page(commands, Path(folder))
    if len(printed) < len(commands):
        sys.exit(f"The shell ended early: {printed[-1]}")
    made: list[str] = []
    at = 0
    for (end, after), output in zip(spans, printed, strict=True):
        made += lines[at:end]
        shown = output.replace("\r", "").strip("\n")
        if shown:
            language = "json" if shown.startswith(("{", "[")) else "text"
            made += ["", f"```{language}", *shown.splitlines(), "```"]
        at = after
    return "\n".join([*made, *lines[at:]]) + "\n"


def _commands(lines: list[str]) -> tuple[list[str], list[tuple[int, int]]]:
    """Each `sh` block's text, the line after it, and the line after the output that follows it."""
    commands: list[str] = []
    spans: list[tuple[int, int]] = []
    at = 0
    while at < len(lines):
        if lines[at] == "```sh":
            end = lines.index("```", at)
            commands.append("\n".join(lines[at + 1 : end]))
            after = end + 1
            shown = after + 1
            if shown < len(lines) and lines[shown] in {"```text", "```json"}:
                after = lines.index("```", shown) + 1
            spans.append((end + 1, after))
            at = after
        else:
            at += 1
    return commands, spans


def main() -> None:
    """Rewrite the pages named on the command line."""
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(executed(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
